/* conf_source.c - a configuration file and its includes as one text.
 *
 * libconfig would follow @include itself, but relative to one directory, without
 * bounds, and without telling which file a secret stands in. So the files are
 * joined here and every line remembers where it came from. A small scanner
 * follows strings and comments on the way; it also refuses integers that
 * libconfig 1.5 would silently cut to 32 bits.
 */
#include "config/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

#define SOURCE_BYTES_MAX ((size_t)1 << 20)
#define SOURCE_FILES_MAX 64
#define SOURCE_DEPTH_MAX 8

struct conf_line {
	unsigned file, line;
};

struct conf_source {
	struct arena *a;
	struct conf_errors *errs;
	struct buf text;
	struct conf_file files[SOURCE_FILES_MAX];
	unsigned file_count;
	struct conf_line *lines; /* of the joined text */
	size_t line_count, line_size;
};

enum scan_state { SCAN_CODE, SCAN_STRING, SCAN_COMMENT };

static void source_add_file(struct conf_source *s, const char *path, unsigned depth,
			    const char *where);

/* Read what is there, up to max bytes; the caller owns fd. */
static enum gh_code
file_read_all(int fd, size_t max, struct buf *out, const char **why)
{
	size_t total = 0;

	for (;;) {
		char *p = buf_reserve(out, 4096);
		ssize_t n;

		if (p == NULL || total > max) {
			*why = "file too large";
			return GH_ELIMIT;
		}
		n = read(fd, p, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*why = gh_errno_text(errno);
			return GH_EINVAL;
		}
		if (n == 0)
			break;
		if (memchr(p, '\0', (size_t)n) != NULL) {
			*why = "holds a NUL byte";
			return GH_EINVAL;
		}
		buf_commit(out, (size_t)n);
		total += (size_t)n;
	}
	if (total > max) {
		*why = "file too large";
		return GH_ELIMIT;
	}
	return GH_OK;
}

enum gh_code
conf_file_read(const char *path, size_t max, struct buf *out, bool *is_world_readable,
	       const char **why)
{
	/* O_NONBLOCK: a named pipe must not hang the daemon at start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	enum gh_code rc = GH_EINVAL;

	if (fd < 0) {
		*why = gh_errno_text(errno);
		return GH_EINVAL;
	}
	if (fstat(fd, &st) != 0) {
		*why = gh_errno_text(errno);
	} else if (!S_ISREG(st.st_mode)) {
		*why = "not a regular file";
	} else {
		*is_world_readable = (st.st_mode & S_IROTH) != 0;
		rc = file_read_all(fd, max, out, why);
	}
	close(fd);
	return rc;
}

const char *
conf_file_resolve(struct arena *a, const struct conf_file *from, struct slice path)
{
	if (slice_starts(path, S("/")))
		return arena_cstr(a, path);
	return arena_printf(a, "%.*s%.*s", S_FMT(from->dir), S_FMT(path));
}

/* A number outside strings and comments: does libconfig keep it whole? */
static bool
scan_number_fits(struct slice word)
{
	uint64_t value;

	if (slice_starts(word, S("0x")) || slice_starts(word, S("0X")))
		return word.n <= 2 + 7;
	/* Floats, and names like 1st that libconfig itself refuses, are not integers. Those with
	 * an L are 64 bits wide. */
	return parse_u64(word, 0, INT32_MAX, &value) != GH_ELIMIT;
}

static bool
scan_is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '*' || c == '.';
}

/* Follow one line; the state runs on to the next. False: an integer too large. */
static bool
scan_line(struct slice line, enum scan_state *state)
{
	bool fits = true;

	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i], next = i + 1 < line.n ? line.p[i + 1] : '\0';

		if (*state == SCAN_STRING) {
			if (c == '\\')
				i++;
			else if (c == '"')
				*state = SCAN_CODE;
		} else if (*state == SCAN_COMMENT) {
			if (c == '*' && next == '/') {
				*state = SCAN_CODE;
				i++;
			}
		} else if (c == '"') {
			*state = SCAN_STRING;
		} else if (c == '#' || (c == '/' && next == '/')) {
			return fits;
		} else if (c == '/' && next == '*') {
			*state = SCAN_COMMENT;
			i++;
		} else if (scan_is_word(c)) {
			size_t from = i;

			while (i + 1 < line.n && scan_is_word(line.p[i + 1]))
				i++;
			if (c >= '0' && c <= '9' &&
			    !scan_number_fits(slice_sub(line, from, i + 1 - from)))
				fits = false;
		}
	}
	return fits;
}

static void
source_add_line(struct conf_source *s, unsigned file, unsigned line, struct slice text)
{
	if (s->line_count == s->line_size) {
		s->line_size = s->line_size > 0 ? s->line_size * 2 : 256;
		s->lines = gh_realloc(s->lines, s->line_size * sizeof(*s->lines));
	}
	s->lines[s->line_count++] = (struct conf_line){file, line};
	buf_add(&s->text, text);
	buf_add_char(&s->text, '\n');
}

/* A line `@include "path"`, perhaps with a comment behind it. */
static void
source_include(struct conf_source *s, const struct conf_file *from, unsigned line,
	       struct slice rest, unsigned depth)
{
	const char *where = arena_printf(s->a, "%s:%u: ", from->path, line);
	struct slice tail, path;

	rest = slice_trim(rest);
	if (!slice_starts(rest, S("\""))) {
		conf_errors_add(s->errs, "%s@include needs a path in quotes", where);
		return;
	}
	path = slice_cut(slice_from(rest, 1), '"', &tail);
	tail = slice_trim(tail);
	if (tail.p == NULL || path.n == 0 ||
	    (tail.n > 0 && !slice_starts(tail, S("#")) && !slice_starts(tail, S("//")))) {
		conf_errors_add(s->errs, "%s@include needs a path in quotes", where);
		return;
	}
	source_add_file(s, conf_file_resolve(s->a, from, path), depth + 1, where);
}

static void
source_add_lines(struct conf_source *s, unsigned file, struct slice rest, unsigned depth)
{
	const struct conf_file *f = &s->files[file];
	enum scan_state state = SCAN_CODE;
	unsigned number = 0;

	while (rest.p != NULL && rest.n > 0) {
		struct slice line = slice_cut(rest, '\n', &rest), word = slice_trim(line);

		number++;
		if (slice_ends(line, S("\r")))
			line.n--;
		if (state == SCAN_CODE && slice_starts(word, S("@include"))) {
			word = slice_trim(slice_from(line, (size_t)(word.p - line.p) + 8));
			source_include(s, f, number, word, depth);
			continue;
		}
		if (!scan_line(line, &state))
			conf_errors_add(
				s->errs,
				"%s:%u: integer beyond 32 bits: sizes and times are text with "
				"a unit",
				f->path, number);
		source_add_line(s, file, number, line);
	}
	if (state != SCAN_CODE)
		conf_errors_add(s->errs, "%s:%u: %s without end", f->path, number,
				state == SCAN_STRING ? "string" : "comment");
}

/* where: "file:line: " of the include, or "" for the first file. */
static void
source_add_file(struct conf_source *s, const char *path, unsigned depth, const char *where)
{
	const char *slash = strrchr(path, '/'), *why = "";
	struct conf_file *f;
	struct buf text;

	/* Also what ends a file that includes itself. */
	if (depth > SOURCE_DEPTH_MAX || s->file_count == SOURCE_FILES_MAX) {
		conf_errors_add(s->errs, "%s%s: includes nested too deep or too many", where, path);
		return;
	}
	f = &s->files[s->file_count++];
	f->path = path;
	f->dir = slice_make(path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
	buf_init(&text, NULL, SOURCE_BYTES_MAX);
	if (conf_file_read(path, SOURCE_BYTES_MAX, &text, &f->is_world_readable, &why) != GH_OK)
		conf_errors_add(s->errs, "%s%s: %s", where, path, why);
	else
		source_add_lines(s, s->file_count - 1, buf_slice(&text), depth);
	if (text.p != NULL)
		gh_wipe(text.p, text.n);
	buf_free(&text);
}

struct conf_source *
conf_source_new(const char *path, struct conf_errors *errs)
{
	struct conf_source *s = gh_alloc(sizeof(*s));

	s->a = arena_new(0);
	s->errs = errs;
	buf_init(&s->text, NULL, SOURCE_BYTES_MAX);
	source_add_file(s, arena_cstr(s->a, slice_of(path)), 0, "");
	if (s->text.over)
		conf_errors_add(errs, "%s: file too large", path);
	return s;
}

void
conf_source_free(struct conf_source *s)
{
	if (s == NULL)
		return;
	if (s->text.p != NULL)
		gh_wipe(s->text.p, s->text.n);
	buf_free(&s->text);
	gh_free(s->lines);
	arena_free(s->a);
	gh_free(s);
}

const char *
conf_source_text(struct conf_source *s)
{
	return buf_cstr(&s->text);
}

const struct conf_file *
conf_source_find(const struct conf_source *s, unsigned *line)
{
	/* An error at the very end is reported one line behind the text. */
	size_t at = *line > 0 ? *line - 1 : 0;

	if (s->line_count == 0) {
		*line = 1;
		return &s->files[0];
	}
	if (at >= s->line_count)
		at = s->line_count - 1;
	*line = s->lines[at].line;
	return &s->files[s->lines[at].file];
}
