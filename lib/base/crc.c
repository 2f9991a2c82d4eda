#include "lib/base/crc.h"

#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

static uint32_t table[256];
static bool can_add_words; /* the CPU has the instruction */

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
add_word(uint32_t crc, uint64_t word)
{
	return (uint32_t)__builtin_ia32_crc32di(crc, word);
}

static bool
ask_cpu(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

static uint32_t
add_word(uint32_t crc, uint64_t word)
{
	__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1"
		: "+r"(crc)
		: "r"(word));
	return crc;
}

static bool
ask_cpu(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

#else

static uint32_t
add_word(uint32_t crc, uint64_t word)
{
	(void)word;
	return crc;
}

static bool
ask_cpu(void)
{
	return false;
}

#endif

/* Before main, and so before any thread. */
__attribute__((constructor)) static void
prepare(void)
{
	const uint32_t polynomial = 0x82f63b78; /* its bits reversed */
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
		table[i] = crc;
	}
	can_add_words = ask_cpu();
}

uint32_t
crc32c(uint32_t crc, struct str s)
{
	size_t i = 0;
	crc = ~crc;
	for (; can_add_words && s.n - i >= sizeof(uint64_t); i += 8) {
		uint64_t word;
		memcpy(&word, s.p + i, sizeof(word));
		crc = add_word(crc, word);
	}
	for (; i < s.n; i++)
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)s.p[i]) & 0xff];
	return ~crc;
}
