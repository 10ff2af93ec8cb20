/* log.c - one line per fact to stderr, logfmt or JSON.
 *
 * A line is at most PIPE_BUF bytes and goes out with one write(2): lines of
 * several threads or processes on one pipe do not mix. Every value is escaped,
 * so that no input can forge a line, a key or a terminal sequence.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_MAX      PIPE_BUF
#define LOG_TAIL_BYTES    32 /* reserve: quote, ',"truncated":1', brace, newline */
#define LOG_ESCAPE_MAX    8
#define LOG_STALL_MS      20 /* wait once for a slow reader; then drop until it reads again */
#define LOG_REPEAT_MAX    20 /* lines of one event and level per window */
#define LOG_REPEAT_US     CLOCK_SEC
#define LOG_REPEAT_SLOTS  256
#define LOG_REPEAT_PROBES 8
#define LOG_PHONE_DIGITS  11 /* fewer: too little would stay hidden */
#define LOG_PHONE_SHOWN   4  /* digits at each end */
#define LOG_EVENT_DROPPED "log.dropped"
#define LOG_LEVEL_COUNT   4

struct line {
	char p[LOG_LINE_MAX];
	size_t n;
	bool is_json;
	bool is_cut;
};

/* How often one event was written at one level in the current window. */
struct repeat {
	const char *event; /* NULL: free */
	enum log_level level;
	int64_t start_us; /* monotonic */
	uint64_t count;   /* written in the window */
	uint64_t suppressed;
};

static struct {
	pthread_mutex_t mutex; /* over everything but the atomics */
	const char *daemon;
	enum log_format format;
	int fd;
	bool is_stalled;
	bool is_torn; /* the last line was written in part */
	uint64_t unreported_drops;
	int64_t swept_us;
	struct repeat repeats[LOG_REPEAT_SLOTS];
	log_sink_fn *sink;
	void *sink_arg;
	_Atomic int level;      /* least severe line on stderr */
	_Atomic int sink_level; /* LOG_LEVEL_COUNT: no sink */
	_Atomic uint64_t lines[LOG_LEVEL_COUNT];
	_Atomic uint64_t dropped;
} state = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.daemon = "-",
	.fd = STDERR_FILENO,
	.level = LOG_LEVEL_INFO,
	.sink_level = LOG_LEVEL_COUNT,
};

static const char *const level_names[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};

void
log_init(const char *daemon, enum log_level level, enum log_format format)
{
	pthread_mutex_lock(&state.mutex);
	state.daemon = daemon;
	state.format = format;
	pthread_mutex_unlock(&state.mutex);
	log_set_level(level);
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
}

void
log_set_sink(log_sink_fn *fn, void *arg, enum log_level level)
{
	pthread_mutex_lock(&state.mutex);
	state.sink = fn;
	state.sink_arg = arg;
	atomic_store_explicit(&state.sink_level, fn != NULL ? (int)level : LOG_LEVEL_COUNT,
			      memory_order_relaxed);
	pthread_mutex_unlock(&state.mutex);
}

static bool
is_for_stderr(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&state.level, memory_order_relaxed);
}

static bool
is_for_sink(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&state.sink_level, memory_order_relaxed);
}

bool
log_is_enabled(enum log_level level)
{
	return is_for_stderr(level) || is_for_sink(level);
}

/* Append all or, when it does not fit before the reserve, nothing and mark the line cut. */
static bool
line_put(struct line *l, struct slice s)
{
	if (l->is_cut || s.n > LOG_LINE_MAX - LOG_TAIL_BYTES - l->n) {
		l->is_cut = true;
		return false;
	}
	if (s.n != 0)
		memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
	return true;
}

/* Into the reserve: always fits, see LOG_TAIL_BYTES. */
static void
line_put_tail(struct line *l, struct slice s)
{
	memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
}

/* Append `, "key": ` or ` key=` and the opening of a quoted value. */
static bool
line_put_key(struct line *l, const char *key, bool is_quoted)
{
	char head[128];
	int len;

	if (l->is_json)
		len = snprintf(head, sizeof(head), "%s\"%s\":%s", l->n == 0 ? "{" : ",", key,
			       is_quoted ? "\"" : "");
	else
		len = snprintf(head, sizeof(head), "%s%s=%s", l->n == 0 ? "" : " ", key,
			       is_quoted ? "\"" : "");
	if (len < 0 || (size_t)len >= sizeof(head))
		gh_panic("log: key \"%s\" is too long", key);
	return line_put(l, slice_make(head, (size_t)len));
}

/* C0, DEL and C1 controls (the last are two bytes): a terminal obeys them. */
static bool
is_control(struct slice ch)
{
	uint8_t first = (uint8_t)ch.p[0];

	return first < 0x20 || first == 0x7F || (first == 0xC2 && (uint8_t)ch.p[1] < 0xA0);
}

/* Escaped form of the first character of s into dst; its length in s is returned. */
static size_t
escape_char(struct slice s, bool is_json, char dst[LOG_ESCAPE_MAX], struct slice *out)
{
	static const char named[] = "\n\r\t\"\\";
	static const char names[] = "nrt\"\\";
	size_t n = utf8_len(s);
	unsigned byte = (uint8_t)s.p[0];
	const char *at = byte == 0 ? NULL : strchr(named, s.p[0]);
	int len;

	if (n == 0) {
		/* Not UTF-8. JSON has no form for bytes: the text itself reads \xHH there. */
		len = snprintf(dst, LOG_ESCAPE_MAX, "%s\\x%02x", is_json ? "\\" : "", byte);
		n = 1;
	} else if (at != NULL) {
		len = snprintf(dst, LOG_ESCAPE_MAX, "\\%c", names[at - named]);
	} else if (is_control(slice_sub(s, 0, n))) {
		/* U+0080 to U+009F end in a byte equal to their code point. */
		len = snprintf(dst, LOG_ESCAPE_MAX, "\\u%04x", (unsigned)(uint8_t)s.p[n - 1]);
	} else {
		*out = slice_sub(s, 0, n);
		return n;
	}
	*out = slice_make(dst, (size_t)len);
	return n;
}

/* Whether logfmt takes the value as it is. */
static bool
is_bare(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return s.n != 0;
}

static void
line_put_text(struct line *l, const char *key, struct slice value)
{
	bool is_quoted = l->is_json || !is_bare(value);
	char escaped[LOG_ESCAPE_MAX];
	struct slice out;

	if (!line_put_key(l, key, is_quoted))
		return;
	while (value.n != 0) {
		size_t n = escape_char(value, l->is_json, escaped, &out);

		if (!line_put(l, out))
			break;
		value = slice_from(value, n);
	}
	if (is_quoted)
		line_put_tail(l, S("\""));
}

static void
line_put_int(struct line *l, const char *key, int64_t value)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)value);
	size_t start = l->n;

	if (line_put_key(l, key, false) && !line_put(l, slice_make(digits, (size_t)len)))
		l->n = start; /* a key without a value is not JSON */
}

static void
line_begin(struct line *l, enum log_level level, const char *event)
{
	char ts[CLOCK_RFC3339_SIZE];

	l->n = 0;
	l->is_cut = false;
	l->is_json = state.format == LOG_FORMAT_JSON;
	line_put_text(l, "ts", slice_of(clock_rfc3339(clock_wall_us(), ts)));
	line_put_text(l, "level", slice_of(level_names[level]));
	line_put_text(l, "daemon", slice_of(state.daemon));
	line_put_text(l, "event", slice_of(event));
}

static void
line_put_kv(struct line *l, const struct log_kv *kv)
{
	switch (kv->kind) {
	case LOG_KV_TEXT:
		line_put_text(l, kv->key, slice_of(kv->text));
		break;
	case LOG_KV_SLICE:
		line_put_text(l, kv->key, kv->slice);
		break;
	case LOG_KV_INT:
		line_put_int(l, kv->key, kv->num);
		break;
	}
}

/* Whether a write of one line would not block. A pipe that polls writable takes PIPE_BUF bytes. */
static bool
is_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int rc;

	do {
		rc = poll(&p, 1, state.is_stalled ? 0 : LOG_STALL_MS);
	} while (rc < 0 && errno == EINTR);
	state.is_stalled = rc <= 0;
	return !state.is_stalled;
}

/* The whole line, newline included, to stderr. */
static void
line_write(const struct line *l, enum log_level level)
{
	ssize_t done;

	if (!is_writable(state.fd))
		goto dropped;
	/* End the half line first; if even that is refused the next one tries again. */
	if (state.is_torn && write(state.fd, "\n", 1) != 1)
		goto dropped;
	state.is_torn = false;
	do {
		done = write(state.fd, l->p, l->n);
	} while (done < 0 && errno == EINTR);
	if (done == (ssize_t)l->n) {
		atomic_fetch_add_explicit(&state.lines[level], 1, memory_order_relaxed);
		return;
	}
	state.is_torn = done > 0;
dropped:
	atomic_fetch_add_explicit(&state.dropped, 1, memory_order_relaxed);
	state.unreported_drops++;
}

/* One line to whoever wants it. */
static void
line_tell(enum log_level level, const char *event, const struct log_kv *kv, unsigned count)
{
	struct line l;

	line_begin(&l, level, event);
	for (unsigned i = 0; i < count; i++)
		line_put_kv(&l, &kv[i]);
	if (l.is_cut)
		line_put_tail(&l, l.is_json ? S(",\"truncated\":1") : S(" truncated=1"));
	if (l.is_json)
		line_put_tail(&l, S("}"));
	if (is_for_sink(level))
		state.sink(state.sink_arg, &(struct log_line){.level = level,
							      .event = event,
							      .kv = kv,
							      .count = count,
							      .text = slice_make(l.p, l.n)});
	if (!is_for_stderr(level))
		return;
	line_put_tail(&l, S("\n"));
	line_write(&l, level);
}

/* A line of the log's own making: the event with one number. */
static void
write_number(enum log_level level, const char *event, const char *key, uint64_t value)
{
	line_tell(level, event, &LOG_INT(key, value), 1);
}

static void
report_drops(void)
{
	uint64_t count = state.unreported_drops;
	uint64_t dropped_before = atomic_load(&state.dropped);

	if (count == 0 || (state.is_stalled && !is_writable(state.fd)))
		return;
	write_number(LOG_LEVEL_WARN, LOG_EVENT_DROPPED, "count", count);
	if (atomic_load(&state.dropped) == dropped_before)
		state.unreported_drops = 0;
}

/* Once a window: tell what was suppressed in windows that ended, and free their slots. */
static void
sweep_repeats(int64_t now_us)
{
	if (now_us - state.swept_us < LOG_REPEAT_US)
		return;
	state.swept_us = now_us;
	for (size_t i = 0; i < LOG_REPEAT_SLOTS; i++) {
		struct repeat *r = &state.repeats[i];

		if (r->event == NULL || now_us - r->start_us < LOG_REPEAT_US)
			continue;
		if (r->suppressed != 0)
			write_number(r->level, r->event, "suppressed", r->suppressed);
		r->event = NULL;
	}
}

/* Slot of the event, a fresh one, or NULL when its places are taken: then it is not limited. */
static struct repeat *
find_repeat(enum log_level level, const char *event, int64_t now_us)
{
	uint32_t hash = 2166136261u ^ (uint32_t)level; /* FNV-1a; events are ours, not input */
	struct repeat *fresh = NULL;

	for (const char *c = event; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	for (size_t i = 0; i < LOG_REPEAT_PROBES; i++) {
		struct repeat *r = &state.repeats[(hash + i) % LOG_REPEAT_SLOTS];

		if (r->event == NULL) {
			fresh = fresh == NULL ? r : fresh;
		} else if (r->level == level && strcmp(r->event, event) == 0) {
			return r;
		}
	}
	if (fresh != NULL)
		*fresh = (struct repeat){.event = event, .level = level, .start_us = now_us};
	return fresh;
}

static bool
is_repeat_allowed(enum log_level level, const char *event, int64_t now_us)
{
	struct repeat *r = find_repeat(level, event, now_us);

	if (r == NULL)
		return true;
	if (now_us - r->start_us >= LOG_REPEAT_US) {
		if (r->suppressed != 0)
			write_number(level, event, "suppressed", r->suppressed);
		r->start_us = now_us;
		r->count = r->suppressed = 0;
	}
	if (r->count >= LOG_REPEAT_MAX) {
		r->suppressed++;
		return false;
	}
	r->count++;
	return true;
}

void
log_write(enum log_level level, const char *event, const struct log_kv *kv, unsigned count)
{
	int saved_errno = errno; /* logging between a failure and its report must not change it */
	int64_t now_us;

	if (!log_is_enabled(level))
		return;
	now_us = clock_mono_us();
	pthread_mutex_lock(&state.mutex);
	sweep_repeats(now_us);
	if (is_repeat_allowed(level, event, now_us)) {
		report_drops();
		line_tell(level, event, kv, count);
	}
	pthread_mutex_unlock(&state.mutex);
	errno = saved_errno;
}

void
log_tick(void)
{
	pthread_mutex_lock(&state.mutex);
	sweep_repeats(clock_mono_us());
	report_drops();
	pthread_mutex_unlock(&state.mutex);
}

bool
log_reason_is_news(struct log_reason *r, const char *text, int64_t now_us)
{
	char fresh[sizeof(r->text)];

	snprintf(fresh, sizeof(fresh), "%s", text);
	if (r->told_at_us != 0 && now_us - r->told_at_us < LOG_REASON_EVERY_US &&
	    strcmp(r->text, fresh) == 0)
		return false;
	memcpy(r->text, fresh, sizeof(fresh));
	r->told_at_us = now_us;
	return true;
}

const char *
log_phone(struct slice phone, char dst[LOG_PHONE_SIZE])
{
	size_t n = 0;

	if (slice_starts(phone, S("+")))
		phone = slice_from(phone, 1);
	for (; n < phone.n && phone.p[n] != '@' && phone.p[n] != ':'; n++) {
		if (phone.p[n] < '0' || phone.p[n] > '9' || n >= LOG_PHONE_SIZE - 1)
			return memcpy(dst, "***", sizeof("***"));
	}
	if (n < LOG_PHONE_DIGITS)
		return memcpy(dst, "***", sizeof("***"));
	memset(dst, '*', n);
	memcpy(dst, phone.p, LOG_PHONE_SHOWN);
	memcpy(dst + n - LOG_PHONE_SHOWN, phone.p + n - LOG_PHONE_SHOWN, LOG_PHONE_SHOWN);
	dst[n] = '\0';
	return dst;
}

uint64_t
log_line_count(enum log_level level)
{
	return atomic_load_explicit(&state.lines[level], memory_order_relaxed);
}

uint64_t
log_dropped_count(void)
{
	return atomic_load_explicit(&state.dropped, memory_order_relaxed);
}
