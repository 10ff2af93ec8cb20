/* vcard.h - what a vCard (RFC 2426) says of a contact, for providers that take fields instead of
 * one. Pure; any thread.
 */
#ifndef GH_VCARD_H
#define GH_VCARD_H

#include "base/slice.h"

struct arena;
struct message_contact; /* model/message_payload.h */

/* Fill name, phone (several: separated by commas), organization, email and url of *out with what
 * the first card of text has of each, SLICE_NONE where it has none; vcard stays. In a, or in text.
 */
void vcard_read(struct slice text, struct arena *a, struct message_contact *out);

#endif
