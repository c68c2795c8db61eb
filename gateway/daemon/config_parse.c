/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/daemon/config_reader.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

enum {
	DNS_LABEL_MAX = 63, /* RFC 1035 2.3.4 */
	PREFIX_TEXT_MAX = 64,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the digits at `*p` as a number up to `max`, without a leading zero. */
static bool take_number(const char **p, uint32_t max, uint32_t *out)
{
	const char *at = *p;
	uint32_t value = 0;

	if (!is_digit(*at) || (*at == '0' && is_digit(at[1])))
		return false;
	for (; is_digit(*at); at++) {
		value = value * 10 + (uint32_t)(*at - '0');
		if (value > max)
			return false;
	}
	*p = at;
	*out = value;
	return true;
}

bool config_looks_like_prefix(const char *text)
{
	return strpbrk(text, ":/") != NULL ||
	       (*text != '\0' && text[strspn(text, "0123456789.")] == '\0');
}

static bool parse_address(const char *text, struct inpath_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->family = INPATH_AF_INET;
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		return true;
	memset(out->bytes, 0, sizeof(out->bytes));
	out->family = INPATH_AF_INET6;
	return inet_pton(AF_INET6, text, out->bytes) == 1;
}

/* Clears all bits of `range->first` behind `bits` and sets those of `range->last`. */
static void spread(struct inpath_range *range, uint32_t bits, uint32_t width)
{
	for (uint32_t i = bits; i < width; i++) {
		uint8_t bit = (uint8_t)(0x80u >> (i % 8));

		range->first.bytes[i / 8] &= (uint8_t)~bit;
		range->last.bytes[i / 8] |= bit;
	}
}

bool config_prefix(
	struct config_reader *r, const struct config_item *item, struct inpath_range *out)
{
	const char *slash = strchr(item->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - item->text) : strlen(item->text);
	const char *p = slash != NULL ? slash + 1 : NULL;
	char address[PREFIX_TEXT_MAX];
	struct inpath_range range;
	uint32_t width;
	uint32_t bits;

	if (len < sizeof(address)) {
		memcpy(address, item->text, len);
		address[len] = '\0';
	}
	if (len >= sizeof(address) || !parse_address(address, &range.first))
		return config_refuse_item(r, item,
			"is not an address (192.0.2.1, 2001:db8::1) or a prefix (192.0.2.0/24, 2001:db8::/32)");
	range.last = range.first;
	width = range.first.family == INPATH_AF_INET ? 32 : 128;
	bits = width;
	if (p != NULL && (!take_number(&p, width, &bits) || *p != '\0'))
		return config_refuse_item(
			r, item, "is not a prefix: its length must be 0..%u", (unsigned)width);
	spread(&range, bits, width);
	/* 192.0.2.1/24 is more often a slip of the keyboard than a wish for the whole network. */
	(void)parse_address(address, &out->first);
	if (memcmp(&out->first, &range.first, sizeof(range.first)) != 0) {
		(void)inet_ntop(width == 32 ? AF_INET : AF_INET6, range.first.bytes, address,
			sizeof(address));
		return config_refuse_item(r, item,
			"has bits behind its length: the network is %s/%u", address,
			(unsigned)bits);
	}
	*out = range;
	return true;
}

bool config_mac(struct config_reader *r, const struct config_item *item, struct inpath_mac *out)
{
	static const char form[] = "xx:xx:xx:xx:xx:xx";
	const char *text = item->text;
	struct inpath_mac mac = { { 0 } };
	bool good = strlen(text) == sizeof(form) - 1;

	for (size_t i = 0; good && i < sizeof(form) - 1; i++) {
		unsigned char c = (unsigned char)text[i];

		good = form[i] == ':' ? c == ':' : isxdigit(c) != 0;
		if (good && c != ':')
			mac.bytes[i / 3] =
				(uint8_t)(mac.bytes[i / 3] << 4 |
					  (is_digit((char)c) ? c - '0' : (c | 0x20) - 'a' + 10));
	}
	if (!good)
		return config_refuse_item(
			r, item, "is not a hardware address: write it as aa:bb:cc:dd:ee:ff");
	if (mac.bytes[0] & 1)
		return config_refuse_item(
			r, item, "is a group's hardware address: no single device has it");
	*out = mac;
	return true;
}

/* What is wrong with a name in lower case, NULL if nothing. */
static const char *domain_fault(const char *name, size_t len)
{
	size_t label = 0;

	if (len == 0)
		return "is empty";
	if (len > INPATH_HOST_MAX)
		return "is longer than 253 bytes";
	for (size_t i = 0; i <= len; i++) {
		char c = i < len ? name[i] : '.';

		if (c == '.') {
			if (label == 0)
				return "is not a domain: nothing stands before a dot";
			if (label > DNS_LABEL_MAX)
				return "is not a domain: a part between dots is longer than 63 bytes";
			if (name[i - 1] == '-' || name[i - label] == '-')
				return "is not a domain: a part begins or ends with '-'";
			label = 0;
			continue;
		}
		if ((c < 'a' || c > 'z') && !is_digit(c) && c != '-' && c != '_')
			return "is not a domain: letters, digits, '-', '_' and dots are allowed (other "
			       "letters in their xn-- form)";
		label++;
	}
	return NULL;
}

static void lower(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text | 0x20);
	}
}

bool config_domain(struct config_reader *r, const struct config_item *item, const char **out)
{
	char *name = config_strdup(r, item->text);
	const char *fault;
	size_t len;

	if (name == NULL)
		return false;
	lower(name);
	len = strlen(name);
	if (len > 1 && name[len - 1] == '.')
		name[--len] = '\0';
	if (name[0] == '.' || name[0] == '*')
		return config_refuse_item(r, item,
			"begins with '%c': write the bare domain, it covers its subdomains already",
			name[0]);
	if (config_looks_like_prefix(name))
		return config_refuse_item(
			r, item, "is not a domain; addresses and prefixes belong to 'servers'");
	fault = domain_fault(name, len);
	if (fault != NULL)
		return config_refuse_item(r, item, "%s", fault);
	*out = name;
	return true;
}

bool config_device(struct config_reader *r, const struct config_item *item, const char **out)
{
	size_t len = strlen(item->text);
	char *name = config_strdup(r, item->text);

	if (name == NULL)
		return false;
	lower(name);
	if (len == 0 || len > INPATH_LABEL_MAX ||
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len)
		return config_refuse_item(r, item,
			"is not an address, a prefix, a hardware address or a device's name (1..%d letters, "
			"digits, '.', '_', '-')",
			INPATH_LABEL_MAX);
	*out = name;
	return true;
}

bool config_port_range(
	struct config_reader *r, const struct config_item *item, struct inpath_port_range *out)
{
	const char *p = item->text;
	uint32_t first = 0;
	uint32_t last = 0;

	if (!take_number(&p, UINT16_MAX, &first) || *p++ != '-' ||
		!take_number(&p, UINT16_MAX, &last) || *p != '\0' || first == 0 || last < first)
		return config_refuse_item(r, item,
			"is not a range of ports: write 443 or \"8000-8100\", within 1..65535");
	*out = (struct inpath_port_range){ (uint16_t)first, (uint16_t)last };
	return true;
}
