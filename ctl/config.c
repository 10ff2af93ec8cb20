/* config.c - the configuration file seen from outside: check it, list its keys. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/params_eventd.h"
#include "config/params_gateway.h"
#include "config/params_healthd.h"
#include "config/params_outboxd.h"
#include "config/params_senderd.h"
#include "ctl.h"

#define TEXT_MAX (1024 * 1024)

static const struct program {
	const char *name;
	const struct conf_param *params;
	size_t conf_size;
	bool needs_mq;
} programs[] = {
	{"gateway", params_gateway, sizeof(struct gateway_conf), false},
	{"outboxd", params_outboxd, sizeof(struct outboxd_conf), true},
	{"senderd", params_senderd, sizeof(struct senderd_conf), true},
	{"eventd", params_eventd, sizeof(struct eventd_conf), true},
	{"healthd", params_healthd, sizeof(struct healthd_conf), false},
};

/* NULL: no such daemon. */
static const struct program *
find_program(const char *name)
{
	for (size_t i = 0; i < GH_COUNT(programs); i++) {
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	}
	return NULL;
}

/* ---- config check ---- */

static int
check_program(const struct program *p, const char *conf_file)
{
	const struct conf_table tables[] = {{.params = params_common}, {.params = p->params}};
	const struct conf_spec spec = {
		.tables = tables,
		.table_count = GH_COUNT(tables),
		.struct_size = p->conf_size,
		.require = p->needs_mq ? params_require_mq : NULL,
		.ignore = params_sections,
	};
	void *live = gh_alloc(p->conf_size);
	struct conf *conf;
	struct conf_errors errs;
	enum gh_code rc = conf_load(&conf, &spec, conf_file, live, &errs);

	if (rc == GH_OK) {
		printf("%s: right\n", p->name);
		conf_free(conf);
	} else {
		for (unsigned i = 0; i < errs.count; i++)
			fprintf(stderr, "%s: %s\n", p->name, errs.text[i]);
		if (errs.dropped_count > 0)
			fprintf(stderr, "%s: and %u more errors\n", p->name, errs.dropped_count);
	}
	gh_free(live);
	return rc == GH_OK ? CTL_OK : CTL_CONFIG;
}

static int
config_check_run(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv)
{
	const struct program *only = NULL;
	int rc = CTL_OK;

	if (argc > 2)
		return ctl_usage(cmd, "unexpected argument %s", argv[2]);
	if (argc == 2) {
		only = find_program(argv[1]);
		if (only == NULL)
			return ctl_usage(cmd, "no daemon %s", argv[1]);
	}
	for (size_t i = 0; i < GH_COUNT(programs); i++) {
		if (only != NULL && only != &programs[i])
			continue;
		if (check_program(&programs[i], conf_file) != CTL_OK)
			rc = CTL_CONFIG;
	}
	return rc;
}

const struct ctl_command ctl_config_check = {
	.words = "config check",
	.usage = "[DAEMON]",
	.help = "check the configuration file for one daemon, or for all",
	.more = "DAEMON is gateway, outboxd, senderd, eventd or healthd. Every mistake is shown "
		"with\n"
		"file, line, key and allowed range; exit status 78 when there is one.\n\n"
		"Examples:\n"
		"  growhubctl config check\n"
		"  growhubctl -c /etc/growhub/gateway.conf config check gateway\n",
	.run = config_check_run,
};

/* ---- params ---- */

static int
params_run(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv)
{
	static const struct option options[] = {{"tsv", no_argument, NULL, 't'},
						{NULL, 0, NULL, 0}};
	struct conf_table tables[GH_COUNT(programs) + 1] = {{.params = params_common}};
	enum conf_print_form form = CONF_PRINT_TABLE;
	size_t table_count = 1;
	struct buf b;
	int c;

	(void)conf_file;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 't')
			return ctl_usage(cmd, "wrong option");
		form = CONF_PRINT_TSV;
	}
	if (argc - optind > 1)
		return ctl_usage(cmd, "unexpected argument %s", argv[optind + 1]);
	for (size_t i = 0; i < GH_COUNT(programs); i++) {
		if (optind == argc || strcmp(programs[i].name, argv[optind]) == 0)
			tables[table_count++] = (struct conf_table){.params = programs[i].params};
	}
	if (table_count == 1)
		return ctl_usage(cmd, "no daemon %s", argv[optind]);
	buf_init(&b, NULL, TEXT_MAX);
	conf_print_params(&b, tables, table_count, form);
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
	return CTL_OK;
}

const struct ctl_command ctl_params = {
	.words = "params",
	.usage = "[DAEMON] [--tsv]",
	.help = "list the configuration keys: the common ones, and those of one daemon or of all",
	.more = "  --tsv  name, type, default, range, flags, help, parted by tabs\n\n"
		"Examples:\n"
		"  growhubctl params senderd\n"
		"  growhubctl params --tsv | cut -f1,3\n",
	.run = params_run,
};
