/* errors.c - every error code of the API: its status, word and title.
 *
 * Clients branch on the words; they never change. contracts/growhub-api.md
 * sections 1 and 2, http-conventions.md section 1.
 */
#include "gateway.h"

static const struct gw_error_info infos[GW_E_COUNT] = {
	[GW_E_INVALID_JSON] = {400, "invalid_json", "The body is not valid JSON", false},
	[GW_E_INVALID_QUERY] = {400, "invalid_query", "The query string is malformed", false},
	[GW_E_INVALID_CURSOR] = {400, "invalid_cursor", "The cursor is not valid here", false},
	[GW_E_INVALID_IDEMPOTENCY_KEY] = {400, "invalid_idempotency_key",
					  "The Idempotency-Key is malformed", false},
	[GW_E_UNAUTHENTICATED] = {401, "unauthenticated", "A valid token is required", false},
	[GW_E_TOKEN_PLACEHOLDER] = {401, "token_placeholder",
				    "The token is a placeholder that was never filled in", false},
	[GW_E_INVALID_SIGNATURE] = {401, "invalid_signature", "The signature does not match",
				    false},
	[GW_E_FORBIDDEN] = {403, "forbidden", "This is not allowed", false},
	[GW_E_WRONG_TOKEN_KIND] = {403, "wrong_token_kind",
				   "The token is of another kind than this route needs", false},
	[GW_E_COMPANY_INACTIVE] = {403, "company_inactive", "The company is not active", false},
	[GW_E_INSTANCE_DELETED] = {403, "instance_deleted", "The instance was deleted", false},
	[GW_E_NOT_FOUND] = {404, "not_found", "Not found", false},
	[GW_E_METHOD_NOT_ALLOWED] = {405, "method_not_allowed",
				     "The path does not know this method", false},
	[GW_E_CONFLICT] = {409, "conflict", "The state of the object does not allow this", false},
	[GW_E_DUPLICATE_NAME] = {409, "duplicate_name", "The name is in use already", false},
	[GW_E_IDEMPOTENCY_IN_PROGRESS] = {409, "idempotency_in_progress",
					  "The first request with this key is still running", true},
	[GW_E_ALREADY_CONNECTED] = {409, "already_connected", "The instance is connected already",
				    false},
	[GW_E_INSTANCE_NOT_CONNECTED] = {409, "instance_not_connected",
					 "The instance is not connected", true},
	[GW_E_CONTENT_TOO_LARGE] = {413, "content_too_large", "The body is too large", false},
	[GW_E_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported_media_type",
					 "The body must be application/json", false},
	[GW_E_VALIDATION_FAILED] = {422, "validation_failed", "Some fields are not valid", false},
	[GW_E_IDEMPOTENCY_KEY_REUSED] = {422, "idempotency_key_reused",
					 "The Idempotency-Key was used with another body", false},
	[GW_E_QUOTA_EXCEEDED] = {429, "quota_exceeded", "The quota is used up", true},
	[GW_E_TOO_MANY_FAILURES] = {429, "too_many_failures",
				    "Too many failed attempts from this address", true},
	[GW_E_INTERNAL] = {500, "internal", "Internal error", false},
	[GW_E_NOT_SUPPORTED] = {501, "not_supported", "The provider cannot do this", false},
	[GW_E_PROVIDER_ERROR] = {502, "provider_error", "The provider failed", true},
	[GW_E_PROVIDER_REJECTED] = {502, "provider_rejected", "The provider refused", false},
	[GW_E_PROVIDER_UNAVAILABLE] = {502, "provider_unavailable",
				       "The provider cannot be reached", true},
	[GW_E_PROVIDER_TIMEOUT] = {504, "provider_timeout", "The provider did not answer in time",
				   true},
	[GW_E_NO_PROVIDER] = {503, "no_provider", "No provider has room for another instance",
			      true},
	[GW_E_NOT_READY] = {503, "not_ready", "The service is not ready", true},
	[GW_E_OVERLOADED] = {503, "overloaded", "The service is overloaded", true},
};

const struct gw_error_info *
gw_error_info(enum gw_code code)
{
	return &infos[code];
}
