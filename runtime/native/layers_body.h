// What T5's encoder and decoder have in common: part of body.h, inside the namespace of each set of kernels.

// Adds a row (n) of a table.
inline void add_row(const clutch_table &table, int64_t row, int n, float *out) {
    const int64_t place = row * n;
    const float scale = table.scale ? table.scale[row] : 1.0f;
    switch (table.kind) {
        case CLUTCH_SIGNED: {
            const int8_t *levels = static_cast<const int8_t *>(table.rows) + place;
            for (int i = 0; i < n; i++) out[i] += static_cast<float>(levels[i]) * scale;
            return;
        }
        case CLUTCH_BYTES: {
            const uint8_t *levels = static_cast<const uint8_t *>(table.rows) + place;
            for (int i = 0; i < n; i++) out[i] += static_cast<float>(static_cast<int>(levels[i]) - 128) * scale;
            return;
        }
        case CLUTCH_HALF: {
            const uint16_t *numbers = static_cast<const uint16_t *>(table.rows) + place;
            for (int i = 0; i < n; i++) out[i] += from_half(numbers[i]);
            return;
        }
        default: add(static_cast<const float *>(table.rows) + place, n, out);
    }
}

// The row itself.
inline void take_row(const clutch_table &table, int64_t row, int n, float *out) {
    std::memset(out, 0, sizeof(float) * n);
    add_row(table, row, n, out);
}

// Adds `count` values (n, D), each by its score, to columns of their own: out (COLUMNS). Sums stay in registers, for a
// store that is read again at once costs more than the sum.
template <int COLUMNS>
inline void mix(const float *scores, const float *values, int count, int width, float *out) {
    constexpr int PARTS = COLUMNS / LANES;
    Lanes sums[PARTS];
    for (int k = 0; k < PARTS; k++) sums[k] = filled(0.0f);
    for (int j = 0; j < count; j++, values += width) {
        const Lanes score = filled(scores[j]);
        for (int k = 0; k < PARTS; k++) sums[k] = sums[k] + score * taken(values + k * LANES);
    }
    for (int k = 0; k < PARTS; k++) stored(sums[k], out + k * LANES);
}

// One query (D) over n keys and values (n, D), `bias` added to the scores: out (D).
inline void attend(const float *query, const float *keys, const float *values, const float *bias, int n, int width,
                   float *scores, float *out) {
    int j = 0;
    for (; j + LANES <= n; j += LANES) {
        Lanes sums[LANES];
        for (int l = 0; l < LANES; l++) sums[l] = partial_sums(query, keys + static_cast<int64_t>(j + l) * width, width);
        stored(totals(sums) + taken(bias + j), scores + j);
    }
    for (; j < n; j++) scores[j] = dot(query, keys + static_cast<int64_t>(j) * width, width) + bias[j];
    softmax(scores, n);
    int i = 0;
    for (; i + 4 * LANES <= width; i += 4 * LANES) mix<4 * LANES>(scores, values + i, n, width, out + i);
    for (; i + LANES <= width; i += LANES) mix<LANES>(scores, values + i, n, width, out + i);
    for (; i < width; i++) {
        out[i] = 0.0f;
        for (j = 0; j < n; j++) out[i] += scores[j] * values[static_cast<int64_t>(j) * width + i];
    }
}

inline float gelu_tanh(float x) {
    const float inner = (x + x * x * x * 0.044715f) * 0.797884561f;
    const float size = inner < 0.0f ? -inner : inner;
    const float e = exp_negative(-2.0f * size);
    const float tanh = (1.0f - e) / (1.0f + e);
    return x * 0.5f * ((inner < 0.0f ? -tanh : tanh) + 1.0f);
}

// The activation of rows (n), in place; of (2 n) where they hold gate and value, and then closed up.
inline void activate(const FeedForward &f, float *x, int rows) {
    const int n = f.hidden, stride = f.gated ? 2 * n : n;
    for (int r = 0; r < rows; r++) {
        float *from = x + static_cast<int64_t>(r) * stride;
        if (f.activation == CLUTCH_RELU)
            relu(from, n);
        else
            for (int i = 0; i < n; i++) from[i] = gelu_tanh(from[i]);
        if (!f.gated) continue;
        scale(from + n, n, from);
        std::memmove(x + static_cast<int64_t>(r) * n, from, sizeof(float) * n);
    }
}
