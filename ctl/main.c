/* growhubctl - the operator's command: migrate, check the configuration, add
 * administrators, follow one message. Works with every daemon down.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ctl.h"
#include "daemon/paths.h"
#include "daemon/version.h"

static const struct ctl_command *const commands[] = {
	&ctl_migrate,   &ctl_config_check,  &ctl_params,
	&ctl_admin_add, &ctl_instance_move, &ctl_message_trace,
};

static void
print_usage(FILE *out)
{
	fprintf(out, "usage: growhubctl [-c FILE] COMMAND [ARGUMENT ...]\n"
		     "       growhubctl --help | --version | COMMAND --help\n");
}

static void
print_help(void)
{
	print_usage(stdout);
	printf("\nOperate GrowHub: see growhubctl(1).\n\n"
	       "  -c, --config FILE  configuration (default " GH_CONF_FILE ")\n"
	       "  -h, --help         show this text\n"
	       "  -V, --version      show the version\n\n"
	       "Commands:\n");
	for (size_t i = 0; i < GH_COUNT(commands); i++)
		printf("  %-14s %s\n", commands[i]->words, commands[i]->help);
	printf("\nExamples:\n"
	       "  growhubctl migrate\n"
	       "  growhubctl -c /etc/growhub/growhub.conf config check senderd\n"
	       "  growhubctl admin add root@example.com --password-stdin < password\n"
	       "  growhubctl message trace 01a1f931-bd98-7020-8026-a7e2528a5f96\n\n"
	       "Exit status: 0 done, 1 refused or not found, 2 usage, 69 database unavailable,\n"
	       "78 bad configuration.\n");
}

static void
print_command_help(const struct ctl_command *cmd)
{
	printf("usage: growhubctl [-c FILE] %s%s%s\n\n%s.\n\n%s", cmd->words,
	       *cmd->usage != '\0' ? " " : "", cmd->usage, cmd->help, cmd->more);
}

int
ctl_usage(const struct ctl_command *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "growhubctl %s: ", cmd->words);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: growhubctl [-c FILE] %s %s\n", cmd->words, cmd->usage);
	return CTL_USAGE;
}

int
ctl_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "growhubctl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* Words of the command that argv begins with; 0: it does not. */
static int
match_words(const char *words, int argc, char **argv)
{
	int count = 0;

	for (;;) {
		size_t n = strcspn(words, " ");

		if (count == argc || strlen(argv[count]) != n ||
		    strncmp(argv[count], words, n) != 0)
			return 0;
		count++;
		if (words[n] == '\0')
			return count;
		words += n + 1;
	}
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

static int
run_command(const char *conf_file, int argc, char **argv)
{
	for (size_t i = 0; i < GH_COUNT(commands); i++) {
		int words = match_words(commands[i]->words, argc, argv);

		if (words == 0)
			continue;
		argc -= words - 1;
		argv += words - 1;
		if (wants_help(argc, argv)) {
			print_command_help(commands[i]);
			return CTL_OK;
		}
		optind = 0; /* start over: glibc keeps a place inside the last argument */
		return commands[i]->run(commands[i], conf_file, argc, argv);
	}
	fprintf(stderr, "growhubctl: no command \"%s%s%s\"\n", argv[0], argc > 1 ? " " : "",
		argc > 1 ? argv[1] : "");
	print_usage(stderr);
	return CTL_USAGE;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *conf_file = GH_CONF_FILE;
	int c;

	log_init("ctl", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	/* "+": stop at the command; what follows it is the command's. */
	while ((c = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			conf_file = optarg;
			break;
		case 'h':
			print_help();
			return CTL_OK;
		case 'V':
			printf("growhubctl %s\n", GH_VERSION);
			return CTL_OK;
		default:
			print_usage(stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return CTL_USAGE;
	}
	return run_command(conf_file, argc - optind, argv + optind);
}
