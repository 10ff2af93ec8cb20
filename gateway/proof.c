/* proof.c - webhooks judged; see proof.h. */
#include "proof.h"

#include "provider/provider.h"

bool
proof_holds(const struct provider *p, struct slice secret, struct slice signature,
	    struct slice body)
{
	bool is_signed = p->proof == PROVIDER_PROOF_SIGNATURE;

	if (is_signed && (secret.p == NULL || p->signature_header == NULL))
		return true;
	return provider_verify(p, secret, signature, body) == GH_OK;
}
