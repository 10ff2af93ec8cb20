/* header.h - one header field, as the server and the client give and take it. */
#ifndef GH_HTTP_HEADER_H
#define GH_HTTP_HEADER_H

#include "base/slice.h"

struct http_header {
	struct slice name, value; /* borrowed */
};

#endif
