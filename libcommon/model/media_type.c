#include "model/media_type.h"

#define NAME_EXT_MAX 8

/* First match wins. more: what must stand at more_at besides; NULL: nothing. */
static const struct magic {
	const char *start;
	size_t start_n;
	const char *more;
	size_t more_at;
	const char *type;
} magics[] = {
	{"\xff\xd8\xff", 3, NULL, 0, "image/jpeg"},
	{"\x89PNG\r\n\x1a\n", 8, NULL, 0, "image/png"},
	{"GIF87a", 6, NULL, 0, "image/gif"},
	{"GIF89a", 6, NULL, 0, "image/gif"},
	{"RIFF", 4, "WEBP", 8, "image/webp"},
	{"RIFF", 4, "WAVE", 8, "audio/wav"},
	{"RIFF", 4, "AVI ", 8, "video/x-msvideo"},
	{"OggS", 4, "OpusHead", 28, "audio/ogg; codecs=opus"},
	{"OggS", 4, NULL, 0, "audio/ogg"},
	{"ID3", 3, NULL, 0, "audio/mpeg"},
	{"\xff\xfb", 2, NULL, 0, "audio/mpeg"},
	{"\xff\xf3", 2, NULL, 0, "audio/mpeg"},
	{"\xff\xf2", 2, NULL, 0, "audio/mpeg"},
	{"\xff\xf1", 2, NULL, 0, "audio/aac"},
	{"\xff\xf9", 2, NULL, 0, "audio/aac"},
	{"fLaC", 4, NULL, 0, "audio/flac"},
	{"#!AMR", 5, NULL, 0, "audio/amr"},
	{"\x1a\x45\xdf\xa3", 4, NULL, 0, "video/webm"},
	{"", 0, "ftypM4A", 4, "audio/mp4"},
	{"", 0, "ftypqt", 4, "video/quicktime"},
	{"", 0, "ftyp3g", 4, "video/3gpp"},
	{"", 0, "ftyphei", 4, "image/heic"},
	{"", 0, "ftypavif", 4, "image/avif"},
	{"", 0, "ftyp", 4, "video/mp4"},
	{"%PDF-", 5, NULL, 0, "application/pdf"},
	{"PK\x03\x04", 4, NULL, 0, "application/zip"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, NULL, 0, "application/x-ole-storage"},
	{"\x1f\x8b", 2, NULL, 0, "application/gzip"},
	{"Rar!\x1a\x07", 6, NULL, 0, "application/vnd.rar"},
	{"7z\xbc\xaf\x27\x1c", 6, NULL, 0, "application/x-7z-compressed"},
	{"\x7f"
	 "ELF",
	 4, NULL, 0, "application/x-executable"},
	{"MZ", 2, NULL, 0, "application/vnd.microsoft.portable-executable"},
};

const char *
media_type_sniff(struct slice bytes)
{
	for (size_t i = 0; i < GH_COUNT(magics); i++) {
		const struct magic *m = &magics[i];

		if (!slice_starts(bytes, slice_make(m->start, m->start_n)))
			continue;
		if (m->more == NULL ||
		    slice_starts(slice_from(bytes, m->more_at), slice_of(m->more)))
			return m->type;
	}
	return NULL;
}

bool
media_type_is_vague(const char *type)
{
	return strcmp(type, "application/zip") == 0 ||
	       strcmp(type, "application/x-ole-storage") == 0 ||
	       strcmp(type, "video/webm") == 0; /* audio may be in it */
}

static const struct {
	const char *ext, *type;
} extensions[] = {
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"png", "image/png"},
	{"gif", "image/gif"},
	{"webp", "image/webp"},
	{"heic", "image/heic"},
	{"mp4", "video/mp4"},
	{"m4v", "video/mp4"},
	{"3gp", "video/3gpp"},
	{"mov", "video/quicktime"},
	{"webm", "video/webm"},
	{"avi", "video/x-msvideo"},
	{"mp3", "audio/mpeg"},
	{"ogg", "audio/ogg"},
	{"oga", "audio/ogg"},
	{"opus", "audio/ogg; codecs=opus"},
	{"m4a", "audio/mp4"},
	{"aac", "audio/aac"},
	{"amr", "audio/amr"},
	{"wav", "audio/wav"},
	{"flac", "audio/flac"},
	{"pdf", "application/pdf"},
	{"zip", "application/zip"},
	{"doc", "application/msword"},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"txt", "text/plain"},
	{"csv", "text/csv"},
	{"html", "text/html"},
	{"json", "application/json"},
	{"xml", "application/xml"},
	{"vcf", "text/vcard"},
};

const char *
media_type_of_name(struct slice file_name)
{
	struct slice ext;
	size_t at = file_name.n;

	while (at > 0 && file_name.p[at - 1] != '.')
		at--;
	ext = slice_from(file_name, at);
	if (at == 0 || ext.n == 0 || ext.n > NAME_EXT_MAX)
		return NULL;
	for (size_t i = 0; i < GH_COUNT(extensions); i++)
		if (slice_eq_nocase(ext, slice_of(extensions[i].ext)))
			return extensions[i].type;
	return NULL;
}

bool
media_type_fits(struct slice type, enum msg_kind kind)
{
	switch (kind) {
	case MSG_IMAGE:
		return slice_starts(type, S("image/"));
	case MSG_VIDEO:
		return slice_starts(type, S("video/"));
	case MSG_AUDIO:
		/* A container of video with nothing but sound in it. */
		return slice_starts(type, S("audio/")) || slice_eq(type, S("video/webm")) ||
		       slice_eq(type, S("video/mp4"));
	case MSG_STICKER:
		return slice_eq(type, S("image/webp"));
	default:
		return true;
	}
}

const char *
media_type_default(enum msg_kind kind)
{
	switch (kind) {
	case MSG_IMAGE:
		return "image/jpeg";
	case MSG_VIDEO:
		return "video/mp4";
	case MSG_AUDIO:
		return "audio/mpeg";
	case MSG_STICKER:
		return "image/webp";
	default:
		return "application/octet-stream";
	}
}
