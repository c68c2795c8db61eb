/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gateway/cli/quantile.h"

/* Hoare's selection, with the middle one of three as the pivot: sorted values are common here. */
uint32_t quantile_nth(uint32_t *values, size_t count, size_t k)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		uint32_t a = values[low], b = values[low + (high - low) / 2], c = values[high];
		uint32_t pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
		size_t i = low, j = high;

		for (;;) {
			uint32_t swap;

			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap = values[i];
			values[i++] = values[j];
			values[j--] = swap;
		}
		/* Below i nothing is above the pivot, above j nothing below it. */
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[k];
}

uint32_t quantile_median(uint32_t *values, size_t count)
{
	return count ? quantile_nth(values, count, (count - 1) / 2) : 0;
}

uint32_t quantile_spread(uint32_t *values, size_t count, uint32_t from)
{
	for (size_t i = 0; i < count; i++)
		values[i] = values[i] > from ? values[i] - from : from - values[i];
	return quantile_median(values, count);
}
