// Gumbel noise: part of body.h, inside the namespace of each set of kernels.

// ln x for x above 0 and normal: the series of 2 artanh((m - 1) / (m + 1)), m in [sqrt 1/2, sqrt 2]; about 1 ulp.
inline double logarithm(double x) {
    const uint64_t bits = double_to_bits(x);
    const uint64_t fraction = bits & 0x000FFFFFFFFFFFFFull;
    const uint64_t above = fraction > 0x6A09E667F3BCDull;  // sqrt 2
    const double m = bits_to_double(fraction | (0x3FF0000000000000ull - (above << 52)));
    const double k = bits_to_double(0x4338000000000000ull + (bits >> 52) + above) - (6755399441055744.0 + 1023.0);
    const double f = m - 1.0, s = f / (2.0 + f), z = s * s;
    double p = 1.0 / 23.0;
    p = p * z + 1.0 / 21.0;
    p = p * z + 1.0 / 19.0;
    p = p * z + 1.0 / 17.0;
    p = p * z + 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    const double tail = 2.0 * s * z * p + k * 1.90821492927058770002e-10;
    return k * 6.93147180369123816490e-01 + (2.0 * s + tail);
}

// A whole number below 2^53, exactly.
inline double whole(uint64_t n) {
    const double low = bits_to_double(0x4330000000000000ull | (n & 0xFFFFFFFFull));
    const double high = bits_to_double(0x4530000000000000ull | (n >> 32));
    return (high - 19342813118337666422669312.0) + low;  // 2^84 + 2^52
}

void gumbels(uint64_t hash, int64_t rows, float *out) {
    for (int64_t r = 0; r < rows; r++) {
        const uint64_t x = folded(hash, static_cast<uint64_t>(r));
        const double u = (whole(x >> 11) + 0.5) * 1.1102230246251565e-16;  // 2^-53
        out[r] = static_cast<float>(-logarithm(-logarithm(u)));
    }
}
