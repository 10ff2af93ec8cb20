/* options.c - the command line of a daemon, and the texts that end there. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/conf.h"
#include "daemon/paths.h"
#include "daemon/private.h"
#include "daemon/version.h"

#define EXIT_USAGE  64
#define TEXT_MAX    (1024 * 1024)
#define OPT_METRICS 256
#define OPT_PARAMS  257

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"test", no_argument, NULL, 't'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"metrics", no_argument, NULL, OPT_METRICS},
	{"params", no_argument, NULL, OPT_PARAMS},
	{NULL, 0, NULL, 0},
};

static void
print_usage(const struct daemon_def *def, FILE *out)
{
	fprintf(out,
		"usage: growhub-%s [-c FILE] [-t]\n"
		"       growhub-%s --help | --version | --metrics | --params\n",
		def->name, def->name);
}

static void
print_help(const struct daemon_def *def)
{
	print_usage(def, stdout);
	printf("\n%s\n\n"
	       "  -c, --config FILE  configuration (default " GH_CONF_FILE ")\n"
	       "  -t, --test         check the configuration and exit\n"
	       "  -h, --help         show this text\n"
	       "  -V, --version      show the version\n"
	       "      --metrics      list the metrics: name, type, labels, help\n"
	       "      --params       list the configuration keys\n\n"
	       "Runs in the foreground and logs to stderr. SIGTERM drains and stops, a second one\n"
	       "stops at once; SIGHUP reads the configuration again. Example:\n\n"
	       "  growhub-%s -c /etc/growhub/growhub.conf -t\n",
	       def->summary, def->name);
}

static void
print_buf(struct buf *b)
{
	fwrite(b->p, 1, b->n, stdout);
	buf_free(b);
}

static void
print_metrics(const struct daemon_def *def)
{
	struct daemon d = {.def = def};
	struct buf b;

	telemetry_register(&d);
	buf_init(&b, NULL, TEXT_MAX);
	metrics_describe(d.metrics, &b);
	metrics_free(d.metrics);
	print_buf(&b);
}

static void
print_params(const struct daemon_def *def)
{
	struct conf_table tables[2];
	struct conf_spec spec = daemon_conf_spec(def, tables);
	struct buf b;

	buf_init(&b, NULL, TEXT_MAX);
	conf_print_params(&b, spec.tables, spec.table_count, CONF_PRINT_TABLE);
	print_buf(&b);
}

struct conf_spec
daemon_conf_spec(const struct daemon_def *def, struct conf_table tables[2])
{
	/* Both structs begin at 0: the daemon's starts with struct conf_common. */
	tables[0] = (struct conf_table){.params = params_common};
	tables[1] = (struct conf_table){.params = def->params};
	return (struct conf_spec){
		.tables = tables,
		.table_count = 2,
		.struct_size = def->conf_size,
		.require = def->needs_mq ? params_require_mq : NULL,
		.ignore = params_sections,
	};
}

bool
daemon_options_read(const struct daemon_def *def, int argc, char **argv, struct daemon_options *o,
		    int *exit_code)
{
	int c;

	*o = (struct daemon_options){.conf_file = GH_CONF_FILE};
	*exit_code = 0;
	while ((c = getopt_long(argc, argv, "c:thV", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf_file = optarg;
			break;
		case 't':
			o->tests_only = true;
			break;
		case 'h':
			print_help(def);
			return false;
		case 'V':
			printf("growhub-%s %s\n", def->name, GH_VERSION);
			return false;
		case OPT_METRICS:
			print_metrics(def);
			return false;
		case OPT_PARAMS:
			print_params(def);
			return false;
		default:
			print_usage(def, stderr);
			*exit_code = EXIT_USAGE;
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "growhub-%s: unexpected argument %s\n", def->name, argv[optind]);
	print_usage(def, stderr);
	*exit_code = EXIT_USAGE;
	return false;
}
