// Kernels for AVX-VNNI: four products of bytes and their sum in one instruction, of 8 columns.

#include "x86.h"

#ifdef CLUTCH_AVX_VNNI

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,avxvnni,fma,f16c"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,avxvnni,fma,f16c")
#endif

namespace clutch {
namespace avx_vnni {

template <int R>
inline void tile_product(const uint8_t *const *x, const int8_t *w, int quads, int32_t (*sums)[TILE]) {
    constexpr int WIDTH = 8, MANY = R > 2 ? 2 : 4;  // registers of columns at once; there are 16
    for (int part = 0; part < TILE; part += WIDTH * MANY) {
        __m256i sum[R][MANY];
        for (int r = 0; r < R; r++)
            for (int m = 0; m < MANY; m++) sum[r][m] = _mm256_setzero_si256();
        const int8_t *at = w + part * QUAD;
        for (int q = 0; q < quads; q++, at += TILE * QUAD)
            for (int r = 0; r < R; r++) {
                int32_t four;
                std::memcpy(&four, x[r] + q * QUAD, sizeof four);
                const __m256i taken = _mm256_set1_epi32(four);
                for (int m = 0; m < MANY; m++) {
                    const __m256i bytes =
                        _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at + m * WIDTH * QUAD));
                    sum[r][m] = _mm256_dpbusd_avx_epi32(sum[r][m], taken, bytes);
                }
            }
        for (int r = 0; r < R; r++)
            for (int m = 0; m < MANY; m++)
                _mm256_storeu_si256(reinterpret_cast<__m256i *>(sums[r] + part + m * WIDTH), sum[r][m]);
    }
}

#include "avx2_numbers.h"

#include "body.h"

}  // namespace avx_vnni

const Kernels AVX_VNNI = {"AVX-VNNI", avx_vnni::right, avx_vnni::run, avx_vnni::encode, avx_vnni::decode_codes, avx_vnni::gumbels};

}  // namespace clutch

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
