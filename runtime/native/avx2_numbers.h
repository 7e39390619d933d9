// Sums of numbers by AVX2, FMA and F16C, for both sets of kernels that have no wider registers.

inline __m256 numbers(const float *x) { return _mm256_loadu_ps(x); }
inline __m256 numbers(const uint16_t *halves) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(halves)));
}

template <int R, typename W>
inline void tile_numbers(const float *const *x, const W *w, int rows, float (*sums)[TILE]) {
    constexpr int WIDTH = 8, MANY = TILE / WIDTH / R;  // 8 registers of sums; there are 16
    for (int part = 0; part < TILE; part += WIDTH * MANY) {
        __m256 sum[R][MANY];
        for (int r = 0; r < R; r++)
            for (int m = 0; m < MANY; m++) sum[r][m] = _mm256_setzero_ps();
        const W *at = w + part;
        for (int k = 0; k < rows; k++, at += TILE)
            for (int r = 0; r < R; r++) {
                for (int m = 0; r == 0 && m < MANY; m += 2) fetch_ahead(at + m * WIDTH);
                const __m256 taken = _mm256_set1_ps(x[r][k]);
                for (int m = 0; m < MANY; m++)
                    sum[r][m] = _mm256_fmadd_ps(numbers(at + m * WIDTH), taken, sum[r][m]);
            }
        for (int r = 0; r < R; r++)
            for (int m = 0; m < MANY; m++) _mm256_storeu_ps(sums[r] + part + m * WIDTH, sum[r][m]);
    }
}
