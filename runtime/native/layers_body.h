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

// One query (D) over n keys and values (n, D), `bias` added to the scores: out (D).
inline void attend(const float *query, const float *keys, const float *values, const float *bias, int n, int width,
                   float *scores, float *out) {
    for (int j = 0; j < n; j++) scores[j] = dot(query, keys + static_cast<int64_t>(j) * width, width) + bias[j];
    softmax(scores, n);
    for (int i = 0; i < width; i++) out[i] = 0.0f;
    for (int j = 0; j < n; j++) {
        const float *value = values + static_cast<int64_t>(j) * width;
        for (int i = 0; i < width; i++) out[i] += scores[j] * value[i];
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
        float *from = x + static_cast<int64_t>(r) * stride, *to = x + static_cast<int64_t>(r) * n;
        for (int i = 0; i < n; i++) {
            float y = f.activation == CLUTCH_RELU ? (from[i] > 0.0f ? from[i] : 0.0f) : gelu_tanh(from[i]);
            if (f.gated) y *= from[n + i];
            to[i] = y;
        }
    }
}
