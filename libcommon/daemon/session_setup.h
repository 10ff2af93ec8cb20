/* session_setup.h - make an instance's session at its provider: SESSION_CREATE, and where sessions
 * have keys of their own the steps that follow it (struct provider.setup).
 *
 * The key that the provider answers is sealed and committed before the next step, so that a crash
 * strands no session: whoever tries again finds the session by its name, takes its key over and
 * goes on. Never two sessions for one instance, whichever answer was lost.
 *
 * Threading: loop thread only.
 */
#ifndef GH_DAEMON_SESSION_SETUP_H
#define GH_DAEMON_SESSION_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/provider_client.h"

struct arena;
struct db;
struct seal_key;

/* Everything it points to is borrowed until done. */
struct session_setup_want {
	struct provider_client *client;
	struct db
		*db; /* its tables include instance_stmt_table; is_move: instance_move_stmt_table */
	const struct seal_key *seal_key;
	struct provider_address address;
	int32_t company_id, instance_id;
	struct slice session; /* external_instance_id */
	const struct provider_session_spec *spec;
	/* An earlier try may have got through. Where sessions have no keys that is not looked at: a
	 * second creation is refused there ("session_exists"). */
	bool may_exist;
	bool is_move;       /* the session that the instance moves to: its key is the move's */
	int64_t timeout_us; /* of all calls together; each has a second at least */
};

/* How it ended: the answer to op, the last call. PROVIDER_OK: the session exists, knows us, and
 * is in the state result->session, where that is known. result and its slices: valid during the
 * call. elapsed_us: of all calls. */
typedef void session_setup_fn(void *arg, enum provider_op op, const struct provider_result *result,
			      int64_t elapsed_us);

/* done is called once, maybe before this returns; not at all when the client is freed meanwhile.
 * Its memory is in a, which lives until done. */
void session_setup(const struct session_setup_want *want, struct arena *a, session_setup_fn *done,
		   void *arg);

/* The session of that name in an answer to SESSION_FIND; NULL: there is none. Of several, which a
 * provider may allow, the one that is connected has the chats, else the newest is the one whose
 * answer was lost. */
const struct provider_listed *session_setup_find(const struct provider_result *result,
						 struct slice session);

#endif
