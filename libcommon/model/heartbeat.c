#include "model/heartbeat.h"

static const char heartbeat_write_sql[] =
	"INSERT INTO daemon_heartbeats (daemon, name, host, pid, version, state, started_at)\n"
	"VALUES ($1, $2, $3, $4, $5, $6, $7)\n"
	"ON CONFLICT (daemon, name) DO UPDATE SET host = excluded.host, pid = excluded.pid,\n"
	"    version = excluded.version, state = excluded.state,\n"
	"    started_at = excluded.started_at, last_seen = now()";

enum { HEARTBEAT_WRITE };

static const struct db_stmt heartbeat_stmts[] = {
	[HEARTBEAT_WRITE] = {"heartbeat_write", heartbeat_write_sql,
			     DB_TYPES(DB_TEXT, DB_TEXT, DB_TEXT, DB_INT4, DB_TEXT, DB_TEXT,
				      DB_TIMESTAMPTZ)},
};
const struct db_stmt_table heartbeat_stmt_table = DB_STMT_TABLE(heartbeat_stmts);

void
heartbeat_write_add(struct db_unit *u, const struct heartbeat *h)
{
	struct db_params *p = db_unit_add(u, &heartbeat_stmts[HEARTBEAT_WRITE]);

	db_p_text(p, h->daemon);
	db_p_text(p, h->name);
	db_p_text(p, h->host);
	db_p_i32(p, h->pid);
	db_p_text(p, h->version);
	db_p_text(p, h->state);
	db_p_time_us(p, h->started_at_us);
}
