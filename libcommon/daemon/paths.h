/* paths.h - where an installed GrowHub has its files. */
#ifndef GH_PATHS_H
#define GH_PATHS_H

#define GH_CONF_FILE "/etc/growhub/growhub.conf"
/* Beside the directory of the programs: PREFIX/bin and PREFIX/share/growhub/schema. */
#define GH_SCHEMA_DIR "../share/growhub/schema"
/* Says where the migrations are, before any other place. */
#define GH_SCHEMA_DIR_ENV "GROWHUB_SCHEMA_DIR"

#endif
