/* translate_action.h - what the actions of all translators come to: provider_result.data in the
 * shapes of provider/action.h, whatever the provider's own are. Private to libcommon/provider.
 */
#ifndef GH_TRANSLATE_ACTION_H
#define GH_TRANSLATE_ACTION_H

#include "provider/translate.h"

struct buf;
struct json;
struct json_w;

/* A picture of a group in base64 is the largest. */
#define TRANSLATE_ACTION_BODY_MAX ((size_t)24 * 1024 * 1024)
/* So that a file in base64 still fits a reply of ours. */
#define TRANSLATE_FILE_MAX ((size_t)11 * 1024 * 1024)

/* ---- answers that mean no ---- */

void translate_refuse(struct provider_result *out, enum provider_outcome outcome, const char *code,
		      struct slice text);
/* It may have been done. */
void translate_unreadable(struct provider_result *out);

/* ---- data ---- */

/* Write what a value of an answer comes to; nothing: it is left out of a list. */
typedef void translate_row_fn(const struct json *v, struct json_w *w, struct arena *a);
/* One object, or an array of what becomes of each element of list (NULL: none). */
void translate_data_row(const struct json *v, translate_row_fn *write, struct arena *a,
			struct provider_result *out);
void translate_data_rows(const struct json *list, translate_row_fn *write, struct arena *a,
			 struct provider_result *out);
void translate_data_start(struct buf *b, struct json_w *w, struct arena *a);
/* out->data, or out says that it is too large. */
void translate_data_end(const struct buf *b, struct provider_result *out);
/* A string; null for SLICE_NONE. */
void translate_data_str(struct slice text, struct arena *a, struct provider_result *out);
/* The whole link of an invite told as its code or as the link; unreadable when empty. */
void translate_data_link(struct slice code, struct arena *a, struct provider_result *out);
/* A message's file. */
void translate_data_file(struct slice url, struct slice mimetype, struct slice filename,
			 struct arena *a, struct provider_result *out);
/* The bytes of a file; refused when they were cut. */
void translate_data_bytes(const struct provider_answer *answer, struct provider_result *out);

/* A contact; SLICE_NONE where not told. */
struct translate_contact {
	struct slice jid; /* any form */
	struct slice name, wa_name, contact_name, first_name;
	struct slice phone;                    /* digits; empty: those of jid, if it has them */
	const struct json *blocked, *business; /* booleans */
};
void translate_contact_write(const struct translate_contact *c, struct json_w *w, struct arena *a);

/* ---- translate_group.c: groups and their members in any spelling that WhatsApp's libraries have
 * (contracts/waha.md section 18.4, contracts/uazapi.md section 16.3) ---- */

translate_row_fn translate_group_write;

/* Members, or what became of each: an array; an object keyed by member (WEBJS); anything else
 * is an empty array. */
translate_row_fn translate_members_write;

/* ---- files ---- */

/* What stands in url behind marker ("/files/"): the provider's idea of its own address does not
 * count, and a call to it carries our key, so the path may not lead elsewhere. SLICE_NONE: not one
 * of its files. */
struct slice translate_file_path(struct slice url, struct slice marker);

#endif
