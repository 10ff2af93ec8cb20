/* message_json.h - the message row of the API (contracts/growhub-api.md section 4). */
#ifndef GH_GATEWAY_MESSAGE_JSON_H
#define GH_GATEWAY_MESSAGE_JSON_H

struct db_unit;
struct gw_schema;
struct json_w;
struct message_row;

extern const struct gw_schema message_schema, message_timeline_schema;

/* Write the members of the row, in their fixed order, into an open object. */
void message_json_members(struct json_w *w, const struct message_row *row);

/* Write the member "timeline": the steps that statement stmt read (message_steps_add), with the
 * acceptance of our own messages as the first entry, of which there is no row. */
void message_json_timeline(struct json_w *w, const struct db_unit *u, unsigned stmt,
			   const struct message_row *row);

#endif
