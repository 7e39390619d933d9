// Rows times matrices, of bytes and of numbers: part of body.h, inside the namespace of each set of kernels.

// How numbers are rounded to bytes around a zero point, by the rule of ONNX's DynamicQuantizeLinear.
inline Rounding rounding_of(const float *x, int64_t n) {
    Lanes lows = filled(0.0f), highs = lows;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Lanes part = taken(x + i);
        lows = lesser(part, lows);
        highs = greater(part, highs);
    }
    if (i < n) {
        const Lanes part = taken(x + i, static_cast<int>(n - i), 0.0f);
        lows = lesser(part, lows);
        highs = greater(part, highs);
    }
    float low = 0.0f, high = 0.0f;
    for (int l = 0; l < LANES; l++) {
        low = lows[l] < low ? lows[l] : low;
        high = highs[l] > high ? highs[l] : high;
    }
    const float step = (high - low) / 255.0f, smallest = 1.17549435e-38f;
    const float scale = high == low ? 1.0f : step > smallest ? step : smallest;
    const float first = 0.0f - low / scale, above = first > 0.0f ? first : 0.0f;  // 0 for what is no number
    return {scale, static_cast<int32_t>(rounded(above < 255.0f ? above : 255.0f))};
}

inline void to_bytes(const float *x, int n, Rounding rounding, uint8_t *out) {
    const float scale = rounding.scale, zero = static_cast<float>(rounding.zero);
    for (int j = 0; j < n; j++) {
        const float level = rounded(x[j] / scale) + zero, high_enough = level > 0.0f ? level : 0.0f;
        out[j] = static_cast<uint8_t>(static_cast<int32_t>(high_enough < 255.0f ? high_enough : 255.0f));
    }
}

// Rows (rows, in) to the bytes of s, each rounded by itself, or all alike.
inline void round_rows(const Space &s, const Product &p, const float *x, int rows, bool alike) {
    const size_t stride = static_cast<size_t>(p.quads) * QUAD;
    for (int r = 0; r < rows; r++) {
        const float *row = x + static_cast<size_t>(r) * p.in;
        uint8_t *bytes = s.bytes + r * stride;
        s.rounding[r] = !alike ? rounding_of(row, p.in) : r ? s.rounding[0] : rounding_of(x, static_cast<int64_t>(rows) * p.in);
        to_bytes(row, p.in, s.rounding[r], bytes);
        for (size_t i = p.in; i < stride; i++) bytes[i] = 0;
    }
}

template <int R>
inline void tile_of_rows(const Product &p, int tile, const uint8_t *const *x, const Rounding *rounding, float *const *y) {
    int32_t sums[R][TILE];
    tile_product<R>(x, p.bytes + static_cast<size_t>(tile) * p.quads * TILE * QUAD, p.quads, sums);
    const int first = tile * TILE, count = p.out - first < TILE ? p.out - first : TILE;
    for (int r = 0; r < R; r++) {
        const int32_t zero = rounding[r].zero;
        const float scale = rounding[r].scale;
        float *out = y[r] + first;
        for (int n = 0; n < count; n++)
            out[n] = static_cast<float>(sums[r][n] - zero * p.sums[first + n]) * (scale * p.scale[first + n]);
        if (p.bias)
            for (int n = 0; n < count; n++) out[n] += p.bias[first + n];
    }
}

template <int R>
inline void tile_of_numbers(const Product &p, int tile, const float *const *x, float *const *y) {
    float sums[R][TILE];
    const size_t place = static_cast<size_t>(tile) * p.in * TILE;
    if (p.halves)
        tile_numbers<R>(x, p.halves + place, p.in, sums);
    else
        tile_numbers<R>(x, p.floats + place, p.in, sums);
    const int first = tile * TILE, count = p.out - first < TILE ? p.out - first : TILE;
    for (int r = 0; r < R; r++)
        for (int n = 0; n < count; n++) y[r][first + n] = p.bias ? sums[r][n] + p.bias[first + n] : sums[r][n];
}

// y (count, out) = rows x (in) times a matrix that is not in bytes.
inline void matrix(const Product &p, const float *const *x, int64_t count, float *y) {
    for (int tile = 0; tile < p.tiles; tile++)
        for (int64_t r = 0; r < count;) {
            float *to[ROWS];
            for (int i = 0; i < ROWS; i++) to[i] = y + (r + i) * p.out;
            if (count - r >= ROWS) {
                tile_of_numbers<ROWS>(p, tile, x + r, to);
                r += ROWS;
            } else if (count - r >= 2) {
                tile_of_numbers<2>(p, tile, x + r, to);
                r += 2;
            } else {
                tile_of_numbers<1>(p, tile, x + r, to);
                r += 1;
            }
        }
}

// y (rows, out) = x (rows, in) times a matrix; where that is in bytes, by the rows as `round_rows` rounded them.
inline void multiply(const Space &s, const Product &p, const float *x, int rows, float *y) {
    if (!p.bytes) {
        for (int r = 0; r < rows; r++) s.rows[r] = x + static_cast<size_t>(r) * p.in;
        return matrix(p, s.rows, rows, y);
    }
    const size_t stride = static_cast<size_t>(p.quads) * QUAD;
    for (int tile = 0; tile < p.tiles; tile++)
        for (int r = 0; r < rows; r += ROWS) {
            const uint8_t *from[ROWS];
            float *to[ROWS];
            const int count = rows - r < ROWS ? rows - r : ROWS;
            for (int i = 0; i < count; i++) {
                from[i] = s.bytes + (r + i) * stride;
                to[i] = y + static_cast<size_t>(r + i) * p.out;
            }
            const Rounding *rounding = s.rounding + r;
            switch (count) {
                case 1: tile_of_rows<1>(p, tile, from, rounding, to); break;
                case 2: tile_of_rows<2>(p, tile, from, rounding, to); break;
                case 3: tile_of_rows<3>(p, tile, from, rounding, to); break;
                default: tile_of_rows<ROWS>(p, tile, from, rounding, to);
            }
        }
}

// y (rows, out) = x (rows, in) times a matrix; for one in bytes each row of x is rounded by itself, or all alike.
inline void product(const Space &s, const Product &p, const float *x, int rows, float *y, bool alike = false) {
    if (p.bytes) round_rows(s, p, x, rows, alike);
    multiply(s, p, x, rows, y);
}
