#include "media_in.h"

#include "gateway.h"

#include "base/arena.h"
#include "base/mem.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "loop/loop.h"
#include "model/media.h"
#include "model/media_type.h"

/* Files at a time: each holds its body, its text, its bytes and their way to the database. */
#define FILES_MAX 16

struct media {
	struct db *db; /* apart from the hot path: a file is megabytes on the wire */
	unsigned count;
};

/* One file; lives in the request's arena. */
struct job {
	struct gw_req *req;
	struct media_in *in;
	media_in_fn *decoded;
	media_in_kept_fn *kept;
	struct media_new row;
	char *bytes; /* in->size_max of them; the worker's until decoded */
};

/* ---- the text ---- */

static bool
is_type(struct slice s)
{
	struct slice sub;
	struct slice top = slice_cut(s, '/', &sub);

	if (top.n == 0 || sub.n == 0 || s.n >= MEDIA_IN_TYPE_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '/' || c == '.' || c == '+' || c == '-' || c == '_'))
			return false;
	}
	return slice_index(sub, '/') < 0;
}

const char *
media_in_type_refusal(struct slice s)
{
	struct slice params;

	return is_type(slice_trim(slice_cut(s, ';', &params))) ? NULL : "is no MIME type";
}

const char *
media_in_parse(struct slice text, struct media_in *in)
{
	struct slice params, head, data;

	*in = (struct media_in){.base64 = text};
	if (slice_starts(text, S("data:"))) {
		head = slice_cut(slice_from(text, 5), ',', &data);
		if (data.p == NULL || !slice_ends(head, S(";base64")))
			return "must be a data URL in base64";
		in->base64 = data;
		in->declared = slice_cut(head, ';', &params);
		if (in->declared.n == 0)
			in->declared = SLICE_NONE;
		else if (!is_type(in->declared))
			return "names no MIME type";
	}
	in->size_max = in->base64.n / 4 * 3 + 3;
	return in->base64.n > 0 ? NULL : "holds no data";
}

/* ---- decoding ---- */

/* On the worker: touches nothing but this job's memory. */
static void
decode(void *arg)
{
	struct job *j = arg;
	struct media_in *in = j->in;
	size_t n = 0;

	in->is_base64 = encode_base64_parse(in->base64, ENCODE_PAD_OPTIONAL, j->bytes, in->size_max,
					    &n) == GH_OK &&
			n > 0;
	if (!in->is_base64)
		return;
	in->data = slice_make(j->bytes, n);
	hash_sha256(in->data, in->sha256);
	in->sniffed = media_type_sniff(in->data);
}

static void
decoded(void *arg)
{
	struct job *j = arg;

	j->req->gw->media->count--;
	j->decoded(j->req);
}

static struct job *
job_new(struct gw_req *req, struct media_in *in)
{
	struct job *j;

	if (req->gw->media->count == FILES_MAX) {
		gw_error_retry(req, GW_E_OVERLOADED, NULL, 1);
		return NULL;
	}
	j = arena_alloc(req->a, sizeof(*j));
	j->req = req;
	j->in = in;
	return j;
}

bool
media_in_decode(struct gw_req *req, struct media_in *in, media_in_fn *done)
{
	struct job *j = job_new(req, in);

	if (j == NULL)
		return false;
	j->decoded = done;
	j->bytes = arena_alloc(req->a, in->size_max);
	if (loop_work(req->gw->loop, decode, decoded, j) != GH_OK) {
		gw_error_retry(req, GW_E_OVERLOADED, NULL, 1);
		return false;
	}
	req->gw->media->count++;
	return true;
}

/* ---- keeping ---- */

static void
keep_failed(const struct job *j, enum gh_code code, const struct db_unit *u)
{
	gw_db_failed(j->req, code, u != NULL ? db_unit_error(u) : NULL);
}

static void
inserted(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct job *j = arg;
	struct uuid id;

	j->req->gw->media->count--;
	if (code == GH_OK && media_id_of(u, 0, &id))
		j->kept(j->req, id);
	else
		keep_failed(j, code, u);
}

static void
touched(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct job *j = arg;
	struct media *m = j->req->gw->media;
	struct db_unit *next;
	struct uuid id;

	if (code != GH_OK || media_id_of(u, 0, &id)) {
		m->count--;
		if (code == GH_OK)
			j->kept(j->req, id);
		else
			keep_failed(j, code, u);
		return;
	}
	next = db_unit_new();
	media_insert_add(next, &j->row);
	code = db_submit(m->db, next, inserted, j);
	if (code == GH_OK)
		return;
	m->count--;
	keep_failed(j, code, NULL);
}

void
media_in_keep(struct gw_req *req, const struct media_in *in, struct slice mime_type,
	      int64_t kept_until_us, media_in_kept_fn *done)
{
	struct media *m = req->gw->media;
	struct job *j = job_new(req, NULL);
	struct db_unit *u;
	enum gh_code rc;

	if (j == NULL)
		return;
	j->kept = done;
	j->row = (struct media_new){
		.id = uuid7_new(),
		.company_id = req->who.company_id,
		.mime_type = mime_type,
		.data = in->data,
		.kept_until_us = kept_until_us,
	};
	memcpy(j->row.sha256, in->sha256, sizeof(j->row.sha256));
	u = db_unit_new();
	media_touch_add(u, &j->row);
	db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
	rc = db_submit(m->db, u, touched, j);
	if (rc == GH_OK)
		m->count++;
	else
		keep_failed(j, rc, NULL);
}

/* ---- life ---- */

enum gh_code
media_in_start(struct gateway *gw, struct gh_err *err)
{
	static const struct db_stmt_table *const tables[] = {&media_stmt_table, NULL};

	gw->media = gh_alloc(sizeof(*gw->media));
	gw->media->db = daemon_db(gw->daemon, "media", tables, false, NULL, NULL, err);
	return gw->media->db != NULL ? GH_OK : GH_EINVAL;
}

void
media_in_stop(struct gateway *gw)
{
	if (gw->media == NULL)
		return;
	db_free(gw->media->db);
	gh_free(gw->media);
	gw->media = NULL;
}
