/* envelope.h - the body of a hint: which targets of a company have work.
 *
 * {"v":1,"kind":"send","company":7,"class":"normal","targets":[12,13]}
 *
 * Exactly these members in this order without blanks: our daemons are the only
 * writers, so the reader is a strict matcher and anything else is refused. A
 * later version of the shape gets another "v".
 */
#ifndef GH_MQ_ENVELOPE_H
#define GH_MQ_ENVELOPE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define MQ_TARGET_MAX   64
#define MQ_ENVELOPE_MAX 2048 /* bytes; 64 targets of 19 digits fit */

/* What kind of work a hint speaks of. Values are fixed (stored in the outbox). */
enum mq_kind {
	MQ_KIND_SEND = 1,    /* targets are instances */
	MQ_KIND_INBOUND = 2, /* targets are instances */
	MQ_KIND_DELIVERY = 3 /* targets are endpoints */
};

/* Priority class; only sends have more than normal. Values are fixed. */
enum mq_class { MQ_CLASS_HIGH = 1, MQ_CLASS_NORMAL = 2, MQ_CLASS_LOW = 3 };

struct mq_envelope {
	enum mq_kind kind;
	enum mq_class class;
	int64_t company_id;               /* > 0 */
	unsigned target_count;            /* 1..MQ_TARGET_MAX */
	int64_t target_id[MQ_TARGET_MAX]; /* > 0 */
};

/* "send", "inbound", "delivery"; "high", "normal", "low". NULL for other values. */
const char *mq_kind_name(enum mq_kind k);
const char *mq_class_name(enum mq_class c);

/* Append the text; out->over when it did not fit. Panics on a value the reader would refuse. */
void mq_envelope_write(const struct mq_envelope *e, struct buf *out);

/* GH_EINVAL for anything but the exact shape, GH_ELIMIT for more than MQ_TARGET_MAX
 * targets or MQ_ENVELOPE_MAX bytes. *e is undefined then. */
enum gh_code mq_envelope_parse(struct slice s, struct mq_envelope *e) GH_MUST_USE;

#endif
