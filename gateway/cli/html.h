/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html: text into a page. What strangers wrote (host names, devices' names) can be neither markup nor invisible. */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stddef.h>
#include <stdio.h>

/* `text` as it is shown, fit for an element's text and for a quoted attribute. */
void html_text(FILE *out, const char *text);

/* The first `len` bytes of it. */
void html_bytes(FILE *out, const char *text, size_t len);

#endif
