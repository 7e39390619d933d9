// Kernels for AVX-512 with VNNI: four products of bytes and their sum in one instruction, of 16 columns.

#include "x86.h"

#ifdef CLUTCH_AVX512_VNNI

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif

namespace clutch {
namespace avx512_vnni {

template <int R>
inline void tile_product(const uint8_t *const *x, const int8_t *w, int quads, int32_t (*sums)[TILE]) {
    constexpr int WIDTH = 16, MANY = TILE / WIDTH;
    __m512i sum[R][MANY];
    for (int r = 0; r < R; r++)
        for (int m = 0; m < MANY; m++) sum[r][m] = _mm512_setzero_si512();
    for (int q = 0; q < quads; q++, w += TILE * QUAD)
        for (int m = 0; m < MANY; m++) {
            const __m512i bytes = _mm512_load_si512(w + m * WIDTH * QUAD);
            for (int r = 0; r < R; r++) {
                int32_t four;
                std::memcpy(&four, x[r] + q * QUAD, sizeof four);
                sum[r][m] = _mm512_dpbusd_epi32(sum[r][m], _mm512_set1_epi32(four), bytes);
            }
        }
    for (int r = 0; r < R; r++)
        for (int m = 0; m < MANY; m++) _mm512_storeu_si512(sums[r] + m * WIDTH, sum[r][m]);
}

inline __m512 numbers(const float *x) { return _mm512_loadu_ps(x); }
inline __m512 numbers(const uint16_t *halves) {
    return _mm512_maskz_cvtph_ps(0xFFFF, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(halves)));
}

template <int R, typename W>
inline void tile_numbers(const float *const *x, const W *w, int rows, float (*sums)[TILE]) {
    constexpr int WIDTH = 16, MANY = TILE / WIDTH;
    __m512 sum[R][MANY];
    for (int r = 0; r < R; r++)
        for (int m = 0; m < MANY; m++) sum[r][m] = _mm512_setzero_ps();
    for (int k = 0; k < rows; k++, w += TILE)
        for (int m = 0; m < MANY; m++) {
            const __m512 part = numbers(w + m * WIDTH);
            fetch_ahead(w + m * WIDTH);
            for (int r = 0; r < R; r++)
                sum[r][m] = _mm512_fmadd_ps(part, _mm512_set1_ps(x[r][k]), sum[r][m]);
        }
    for (int r = 0; r < R; r++)
        for (int m = 0; m < MANY; m++) _mm512_storeu_ps(sums[r] + m * WIDTH, sum[r][m]);
}

#include "body.h"

}  // namespace avx512_vnni

const Kernels AVX512_VNNI = {"AVX512-VNNI", avx512_vnni::right, avx512_vnni::run, avx512_vnni::encode, avx512_vnni::decode_codes, avx512_vnni::gumbels};

}  // namespace clutch

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
