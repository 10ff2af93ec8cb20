/* trace_words.c - how a traced message's numbers are called, and its phones hidden. */
#include "base/buf.h"
#include "base/log.h"
#include "model/delivery.h"
#include "model/event.h"
#include "model/send_queue.h"
#include "model/trace.h"

#define DIGITS_MIN 6 /* shorter runs before an '@' are no phone number */

static const char *
word_of(const char *const *words, size_t count, int number)
{
	return number >= 0 && (size_t)number < count ? words[number] : "unknown";
}

const char *
trace_send_state(int state)
{
	static const char *const words[] = {
		[SEND_ARRIVED] = "arrived",   [SEND_BEHIND] = "behind",
		[SEND_HEAD] = "head",         [SEND_PROCESSING] = "processing",
		[SEND_IN_DOUBT] = "in_doubt", [SEND_HELD] = "held",
	};

	return word_of(words, GH_COUNT(words), state);
}

const char *
trace_delivery_state(int state)
{
	static const char *const words[] = {
		[DELIVERY_PENDING] = "pending",
		[DELIVERY_LEASED] = "leased",
		[DELIVERY_DELIVERED] = "delivered",
		[DELIVERY_EXHAUSTED] = "exhausted",
	};

	return word_of(words, GH_COUNT(words), state);
}

const char *
trace_event_name(int type)
{
	const char *name = NULL;

	if (type > EVENT_NONE && type < EVENT_TYPE_COUNT)
		name = event_name((enum event_type)type, EVENT_FORMAT_STANDARD);
	return name != NULL ? name : "unknown";
}

void
trace_add_masked(struct buf *b, struct slice s)
{
	char masked[LOG_PHONE_SIZE];
	size_t digits = 0;
	size_t from = 0; /* of what is not written yet */

	for (size_t i = 0; i < s.n; i++) {
		bool is_digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (s.p[i] == '@' && digits >= DIGITS_MIN) {
			buf_add(b, slice_sub(s, from, i - digits - from));
			buf_add_cstr(b, log_phone(slice_sub(s, i - digits, digits), masked));
			from = i;
		}
		digits = is_digit ? digits + 1 : 0;
	}
	/* A bare number, as clients write it. */
	if (digits >= DIGITS_MIN && digits + 1 >= s.n) {
		buf_add_cstr(b, log_phone(s, masked));
		return;
	}
	buf_add(b, slice_from(s, from));
}
