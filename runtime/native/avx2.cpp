// Kernels for AVX2: bytes are widened to 16 bits, for products of bytes in pairs may overflow there.

#include "x86.h"

#ifdef CLUTCH_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

namespace clutch {
namespace avx2 {

template <int R>
inline void tile_product(const uint8_t *const *x, const int8_t *w, int quads, int32_t (*sums)[TILE]) {
    constexpr int WIDTH = 8, MANY = R == 1 ? 4 : R == 2 ? 2 : 1;  // 8 sums at once, to hide what each waits for
    for (int part = 0; part < TILE; part += WIDTH * MANY) {
        __m256i low[R][MANY], high[R][MANY];
        for (int r = 0; r < R; r++)
            for (int m = 0; m < MANY; m++) low[r][m] = high[r][m] = _mm256_setzero_si256();
        const int8_t *at = w + part * QUAD;
        for (int q = 0; q < quads; q++, at += TILE * QUAD)
            for (int m = 0; m < MANY; m++) {
                const __m128i *bytes = reinterpret_cast<const __m128i *>(at + m * WIDTH * QUAD);
                const __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes));
                const __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128(bytes + 1));
                for (int r = 0; r < R; r++) {
                    int32_t four;
                    std::memcpy(&four, x[r] + q * QUAD, sizeof four);
                    const __m256i taken = _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
                    low[r][m] = _mm256_add_epi32(low[r][m], _mm256_madd_epi16(taken, first));
                    high[r][m] = _mm256_add_epi32(high[r][m], _mm256_madd_epi16(taken, second));
                }
            }
        for (int r = 0; r < R; r++)
            for (int m = 0; m < MANY; m++) {  // neighbours are halves of one column
                const __m256i pairs = _mm256_hadd_epi32(low[r][m], high[r][m]);
                const __m256i ordered = _mm256_permute4x64_epi64(pairs, 0xD8);
                _mm256_storeu_si256(reinterpret_cast<__m256i *>(sums[r] + part + m * WIDTH), ordered);
            }
    }
}

#include "avx2_numbers.h"

#include "body.h"

}  // namespace avx2

const Kernels AVX2 = {"AVX2", avx2::right, avx2::run, avx2::encode, avx2::decode_codes, avx2::gumbels};

}  // namespace clutch

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
