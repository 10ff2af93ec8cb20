/* log.h - one line per fact, logfmt or JSON, to stderr.
 *
 * Keys: ts level daemon event [company instance msg trace ...] as DESIGN.md
 * section 8. Secrets, message bodies and full phone numbers never go in: mask
 * phones with log_phone. Lines are written with one write(2); a stalled stderr
 * drops lines and counts them instead of stopping the loop.
 */
#ifndef GH_LOG_H
#define GH_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* daemon is borrowed for the life of the process. */
void log_init(const char *daemon, enum log_level level, enum log_format format);
/* Of what is written to stderr. */
void log_set_level(enum log_level level);
/* Does anybody want lines of this level: stderr or the sink? */
bool log_is_enabled(enum log_level level);

/* One key of a line. Build with the LOG_* macros below. */
struct log_kv {
	const char *key;
	enum { LOG_KV_TEXT, LOG_KV_INT, LOG_KV_SLICE } kind;
	const char *text;
	struct slice slice;
	int64_t num;
};

#define LOG_STR(k, v)   ((struct log_kv){.key = (k), .kind = LOG_KV_TEXT, .text = (v)})
#define LOG_INT(k, v)   ((struct log_kv){.key = (k), .kind = LOG_KV_INT, .num = (int64_t)(v)})
#define LOG_SLICE(k, v) ((struct log_kv){.key = (k), .kind = LOG_KV_SLICE, .slice = (v)})

/* Write one line; thread-safe, keeps errno. A NULL text is logged as empty; a line
 * over PIPE_BUF (4 KiB) loses its last bytes and gets truncated=1. logfmt quotes a
 * value unless it is plain ASCII without blank, '"', '=' and '\'; control characters
 * become \u00HH and bytes that are not UTF-8 \xHH.
 *
 * event is a string literal (kept by pointer), a fixed word pair ("outbox.claimed"),
 * listed in the daemon's manual. Repeats of one event at the same level beyond 20
 * per second are dropped and reported once a second with their count (key
 * "suppressed"); lost lines are reported as log.dropped with their count. */
void log_write(enum log_level level, const char *event, const struct log_kv *kv, unsigned count);

/* Report suppressed repeats and dropped lines that nobody's next line would report:
 * the daemon calls it once a second. */
void log_tick(void);

#define LOG_AT(level, event, ...)                                                                  \
	do {                                                                                       \
		if (log_is_enabled(level)) {                                                       \
			const struct log_kv log_kv_[] = {__VA_ARGS__};                             \
			log_write(level, event, log_kv_,                                           \
				  (unsigned)(sizeof(log_kv_) / sizeof(log_kv_[0])));               \
		}                                                                                  \
	} while (0)

/* Somebody who wants the lines too: the daemon, to store them. What is suppressed as a repeat is
 * not told. Called by the thread that logs, under the log's lock: it must not log, wait or take
 * long. text is the line as written to stderr, without its newline; all of it is valid during the
 * call only, but event, which lives as long as the program. */
struct log_line {
	enum log_level level;
	const char *event;
	const struct log_kv *kv;
	unsigned count;
	struct slice text;
};
typedef void log_sink_fn(void *arg, const struct log_line *line);
/* Tell fn of the lines of this level or a worse one, whatever goes to stderr; NULL: nobody. */
void log_set_sink(log_sink_fn *fn, void *arg, enum log_level level);

/* At least one key is required: log_info("daemon.ready", LOG_STR("version", v)). */
#define log_debug(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)  LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...)  LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)

/* Why something that is tried again and again failed last; zeroed at the start, and again once it
 * succeeded. Keeps an outage of hours from writing a line per attempt. */
struct log_reason {
	char text[256];
	int64_t told_at_us; /* monotonic; 0: never */
};
/* Keep text (cut when long). True when it is worth a line: another one than before, or the
 * last line is LOG_REASON_EVERY_US old. */
#define LOG_REASON_EVERY_US ((int64_t)60 * 1000000)
bool log_reason_is_news(struct log_reason *r, const char *text, int64_t now_us);

#define LOG_PHONE_SIZE 24
/* "5511900000002@c.us" -> "5511*****0002"; short or strange input -> "***". Returns dst. */
const char *log_phone(struct slice phone, char dst[LOG_PHONE_SIZE]);

/* Lines written per level since start, and lines dropped; for metrics. */
uint64_t log_line_count(enum log_level level);
uint64_t log_dropped_count(void);

#endif
