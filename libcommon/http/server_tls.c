/* server_tls.c - certificates and the TLS side of accepted connections. */
#include "http/server_private.h"

#include <unistd.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"

struct http_tls {
	SSL_CTX *ctx;
	char *cert_file, *key_file;
};

static enum gh_code
fail_tls(struct gh_err *err, SSL_CTX *ctx, const char *what, const char *file)
{
	char text[160];

	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return gh_fail(err, GH_EINVAL, "%s %s: %s", what, file, text);
}

/* HTTP/1.1 if the client offers it; a client that offers other protocols only gets no answer
 * and falls back to it by itself. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
	unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *picked;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&picked, out_n, ours, sizeof(ours) - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

enum gh_code
http_tls_reload(struct http_tls *t, struct gh_err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		gh_panic("http: SSL_CTX_new failed");
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (SSL_CTX_use_certificate_chain_file(ctx, t->cert_file) != 1)
		return fail_tls(err, ctx, "certificate", t->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, t->key_file, SSL_FILETYPE_PEM) != 1)
		return fail_tls(err, ctx, "private key", t->key_file);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return fail_tls(err, ctx, "the private key does not fit", t->cert_file);
	SSL_CTX_free(t->ctx); /* connections hold references of their own */
	t->ctx = ctx;
	return GH_OK;
}

enum gh_code
http_tls_new(struct http_tls **out, const char *cert_file, const char *key_file, struct gh_err *err)
{
	struct http_tls *t = gh_alloc(sizeof(*t));
	enum gh_code rc;

	t->cert_file = gh_strdup(cert_file);
	t->key_file = gh_strdup(key_file);
	rc = http_tls_reload(t, err);
	if (rc != GH_OK) {
		http_tls_free(t);
		return rc;
	}
	*out = t;
	return GH_OK;
}

void
http_tls_free(struct http_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	gh_free(t->cert_file);
	gh_free(t->key_file);
	gh_free(t);
}

struct bufferevent *
http_tls_accept(struct http_tls *t, struct event_base *base, int fd)
{
	SSL *ssl = SSL_new(t->ctx);
	struct bufferevent *bev;

	if (ssl == NULL) {
		close(fd);
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		SSL_free(ssl);
		close(fd);
		return NULL;
	}
	/* Clients that just close are many; messages are framed by length, nothing is cut unseen.
	 */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}
