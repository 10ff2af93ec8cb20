/* version.h - the version every binary reports. */
#ifndef GH_VERSION_H
#define GH_VERSION_H

#define GH_VERSION "0.1.0"

#endif
