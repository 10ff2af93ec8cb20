/* instance_sql.h - what every statement that learns an instance's state does besides.
 *
 * Private to libcommon/model. The texts are literals for the SET list of an UPDATE of
 * instances i; the arguments are literals too.
 */
#ifndef GH_MODEL_INSTANCE_SQL_H
#define GH_MODEL_INSTANCE_SQL_H

/* The last loss of the connection is kept, and healthd's waits begin anew with the next one. */
#define INSTANCE_LOST_SQL(column, status, value)                                                   \
	column " = CASE WHEN (i.status = 'connected' AND " status                                  \
	       " = 'qr') OR (i.status IN ('connected', 'connecting', 'qr') AND " status            \
	       " IN ('disconnected', 'failed')) THEN " value " ELSE i." column " END,\n"

/* unpaired: the provider says that a person must pair it again. */
#define INSTANCE_LEARNED_SQL(status, reason, at, unpaired)                                         \
	INSTANCE_LOST_SQL("last_disconnect_at", status, at)                                        \
	INSTANCE_LOST_SQL("last_disconnect_reason", status, reason)                                \
	"may_reconnect = " status " = 'connected' OR i.may_reconnect AND NOT " unpaired            \
	" AND " status " NOT IN ('qr', 'error'),\n"                                                \
	"mend_tries = CASE " status " WHEN 'connected' THEN 0 ELSE i.mend_tries END"

/* Instances that are moving to provider p and have their place there: "coming". */
#define INSTANCE_COMING_SQL                                                                        \
	"SELECT count(*) AS coming FROM instance_moves v\n"                                        \
	"    WHERE v.to_provider_id = p.id\n"                                                      \
	"      AND v.state IN ('creating', 'pairing', 'draining', 'aborting')"

#endif
