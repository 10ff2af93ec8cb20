/* uazapi_later.c - what the translator does not do yet: actions are refused in so many words. It
 * goes when uazapi_action.c comes (uazapi.h).
 */
#include "provider/uazapi.h"

enum gh_code
uazapi_build_action(const struct provider_server *server GH_UNUSED,
		    const struct provider_call *call GH_UNUSED, struct arena *a GH_UNUSED,
		    struct provider_request *out GH_UNUSED, struct gh_err *err)
{
	return gh_fail(err, GH_EPERM, "uazapi: actions are not translated yet");
}

void
uazapi_read_action(enum provider_action action GH_UNUSED,
		   const struct provider_answer *answer GH_UNUSED, struct arena *a GH_UNUSED,
		   struct provider_result *out)
{
	translate_set(out, PROVIDER_REJECTED, "not_supported");
}

const char *
uazapi_action_gap(enum provider_action action GH_UNUSED, struct slice engine GH_UNUSED)
{
	return "actions are not translated yet";
}

/* "<owner>:<messageid>" */
struct provider_message_ref
uazapi_split_id(struct slice text)
{
	struct slice rest;

	(void)slice_cut(text, ':', &rest);
	if (rest.p == NULL)
		return (struct provider_message_ref){.bare = text};
	return (struct provider_message_ref){.full = text, .bare = rest};
}
