/* openapi_webhooks.h - the section `webhooks` of the OpenAPI document: what eventd posts to
 * companies, an entry "FORMAT/EVENT" per format and event type. The bodies are told by the table
 * that eventd writes them from (model/event_body.h).
 */
#ifndef GH_GATEWAY_OPENAPI_WEBHOOKS_H
#define GH_GATEWAY_OPENAPI_WEBHOOKS_H

struct json_w;

/* As the member `webhooks` of an open object. */
void openapi_webhooks(struct json_w *w);

#endif
