// The step itself. Included once by each set of kernels, inside a namespace of its own and behind the pragma that
// says for which instructions it is compiled; no header may be included here. A set defines, before:
//
//   template <int R> void tile_product(const uint8_t *const *x, const int8_t *w, int quads, int32_t (*sums)[TILE])
//   template <int R> void tile_numbers(const float *const *x, const float *w, int rows, float (*sums)[TILE])
//
// the sums of one tile of columns for R rows of bytes, and of float32; of these each column adds up its rows in turn.
//
// All sums of float32 go over LANES partial sums in one order, so that every set gives the same bits.

constexpr int LANES = 16;
constexpr float LARGEST = HUGE_VALF;
constexpr int ROWS = 4;  // of a batch that share a reading of the weights

inline float bits_to_float(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline double bits_to_double(uint64_t bits) {
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline uint64_t double_to_bits(double x) {
    uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

// Sixteen numbers side by side. Compilers know such a type on every processor; where one does not, loops do.
#if defined(__clang__) ? __clang_major__ >= 12 : defined(__GNUC__)
typedef float Lanes __attribute__((vector_size(sizeof(float) * LANES)));

inline Lanes lesser(Lanes a, Lanes b) { return a < b ? a : b; }
inline Lanes greater(Lanes a, Lanes b) { return a > b ? a : b; }
inline Lanes filled(float x) { return Lanes{} + x; }
#else
struct Lanes {
    float at[LANES];
    float &operator[](int i) { return at[i]; }
    float operator[](int i) const { return at[i]; }
};

inline Lanes operator+(Lanes a, const Lanes &b) {
    for (int i = 0; i < LANES; i++) a.at[i] += b.at[i];
    return a;
}
inline Lanes operator*(Lanes a, const Lanes &b) {
    for (int i = 0; i < LANES; i++) a.at[i] *= b.at[i];
    return a;
}
inline Lanes lesser(Lanes a, const Lanes &b) {
    for (int i = 0; i < LANES; i++) a.at[i] = a.at[i] < b.at[i] ? a.at[i] : b.at[i];
    return a;
}
inline Lanes greater(Lanes a, const Lanes &b) {
    for (int i = 0; i < LANES; i++) a.at[i] = a.at[i] > b.at[i] ? a.at[i] : b.at[i];
    return a;
}
inline Lanes filled(float x) {
    Lanes lanes;
    for (int i = 0; i < LANES; i++) lanes.at[i] = x;
    return lanes;
}
#endif

// The next numbers of n, and `rest` behind the last.
inline Lanes taken(const float *x, int n, float rest) {
    Lanes lanes = filled(rest);
    std::memcpy(&lanes, x, sizeof(float) * (n < LANES ? n : LANES));
    return lanes;
}

inline Lanes taken(const float *x) {
    Lanes lanes;
    std::memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

inline float total(const Lanes &lanes) {
    float sums[LANES];
    std::memcpy(sums, &lanes, sizeof sums);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++) sums[i] += sums[i + width];
    return sums[0];
}

inline float dot(const float *a, const float *b, int n) {
    Lanes sums = filled(0.0f);
    int i = 0;
    for (; i + LANES <= n; i += LANES) sums = sums + taken(a + i) * taken(b + i);
    if (i < n) sums = sums + taken(a + i, n - i, 0.0f) * taken(b + i, n - i, 0.0f);
    return total(sums);
}

inline float largest(const float *x, int n) {
    Lanes found = filled(-LARGEST);
    int i = 0;
    for (; i + LANES <= n; i += LANES) found = greater(taken(x + i), found);
    if (i < n) found = greater(taken(x + i, n - i, -LARGEST), found);
    float most = found[0];
    for (int l = 1; l < LANES; l++) most = found[l] > most ? found[l] : most;
    return most;
}

// Half to even, as IEEE rounds; for |x| below 2^22.
inline float rounded(float x) {
    const float middle = 12582912.0f;  // 1.5 * 2^23
    return (x + middle) - middle;
}

// e^x for x of at most 0, by a polynomial of degree 7 on [-ln 2 / 2, ln 2 / 2]: 1e-7 of the value.
inline float exp_negative(float x) {
    const float low = -87.0f;
    const float clipped = x > low ? x : low;  // low for what is no number, too
    const float n = rounded(clipped * 1.44269504f);
    const float r = (clipped - n * 0.693359375f) + n * 2.12194440e-4f;
    float y = 1.98412698e-4f;
    y = y * r + 1.38888889e-3f;
    y = y * r + 8.33333333e-3f;
    y = y * r + 4.16666667e-2f;
    y = y * r + 1.66666667e-1f;
    y = y * r + 0.5f;
    y = y * r + 1.0f;
    y = y * r + 1.0f;
    const float power = bits_to_float(static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23);
    return x < low ? 0.0f : y * power;
}

inline void softmax(float *x, int n) {
    const float most = largest(x, n);
    for (int j = 0; j < n; j++) x[j] = exp_negative(x[j] - most);
    Lanes sums = filled(0.0f);
    int i = 0;
    for (; i + LANES <= n; i += LANES) sums = sums + taken(x + i);
    if (i < n) sums = sums + taken(x + i, n - i, 0.0f);
    const float sum = total(sums);
    for (int j = 0; j < n; j++) x[j] /= sum;
}

// T5's norm: x / sqrt(mean(x^2) + epsilon) * weight.
inline void rms_norm(const float *x, const float *weight, int n, float epsilon, float *out) {
    const float root = std::sqrt(dot(x, x, n) / static_cast<float>(n) + epsilon);
    for (int i = 0; i < n; i++) out[i] = x[i] / root * weight[i];
}

// Bytes of a row around a zero point of its own, by the rule of ONNX's DynamicQuantizeLinear.
inline Rounding quantise(const float *x, int n, uint8_t *out) {
    Lanes lows = filled(0.0f), highs = lows;
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Lanes part = taken(x + i);
        lows = lesser(part, lows);
        highs = greater(part, highs);
    }
    if (i < n) {
        const Lanes part = taken(x + i, n - i, 0.0f);
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
    const float zero = rounded(above < 255.0f ? above : 255.0f);
    for (int j = 0; j < n; j++) {
        const float level = rounded(x[j] / scale) + zero, high_enough = level > 0.0f ? level : 0.0f;
        out[j] = static_cast<uint8_t>(static_cast<int32_t>(high_enough < 255.0f ? high_enough : 255.0f));
    }
    return {scale, static_cast<int32_t>(zero)};
}

template <int R>
inline void tile_of_rows(const Product &p, int tile, const uint8_t *const *x, const Rounding *rounding, float *const *y) {
    int32_t sums[R][TILE];
    tile_product<R>(x, p.packed + static_cast<size_t>(tile) * p.quads * TILE * QUAD, p.quads, sums);
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

// y (rows, out) = x (rows, in) times a matrix in bytes, each row of x rounded by itself.
inline void product(const Space &s, const Product &p, const float *x, int rows, float *y) {
    const size_t stride = static_cast<size_t>(p.quads) * QUAD;
    for (int r = 0; r < rows; r++) {
        uint8_t *bytes = s.bytes + r * stride;
        s.rounding[r] = quantise(x + static_cast<size_t>(r) * p.in, p.in, bytes);
        for (size_t i = p.in; i < stride; i++) bytes[i] = 0;
    }
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

inline void add_row(const clutch_table &table, int64_t row, int n, float *out) {
    const int8_t *levels = table.rows + row * n;
    const float scale = table.scale[row];
    for (int i = 0; i < n; i++) out[i] += static_cast<float>(levels[i]) * scale;
}

inline void add(const float *from, int64_t n, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

// What a position begins with, (B, d): the codes before it, and its place in the motion.
inline void begin(const Step &s, const clutch_call &c, float *x) {
    const int d = s.shape.width;
    for (int b = 0; b < c.rows; b++, x += d) {
        if (c.position == 0) {
            std::memcpy(x, s.from.start, sizeof(float) * d);
        } else {
            std::memset(x, 0, sizeof(float) * d);
            for (int k = 0; k < s.shape.slots; k++)
                add_row(s.from.slots, s.firsts[k] + c.codes[static_cast<int64_t>(b) * s.shape.slots + k], d, x);
            if (s.shape.rhythm) add_row(s.from.rhythm, c.rhythm[b], d, x);
        }
        const int64_t left = c.steps[b] > c.position ? c.steps[b] - c.position : 0;
        const float *place = s.from.position + static_cast<int64_t>(c.position) * d;
        const float *length = s.from.length + c.steps[b] * d, *remaining = s.from.remaining + left * d;
        for (int i = 0; i < d; i++) x[i] += (place[i] + length[i]) + remaining[i];
    }
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

inline void self_attention(const Step &s, const clutch_call &c, int layer, const float *qkv, float *scores,
                           float *mixed) {
    const int heads = s.shape.heads, width = s.shape.head_width, inner = heads * width;
    for (int b = 0; b < c.rows; b++)
        for (int h = 0; h < heads; h++) {
            const float *own = qkv + (static_cast<int64_t>(b) * 3) * inner + h * width;
            const int64_t place = (static_cast<int64_t>(b) * heads + h) * c.capacity * width;
            float *keys = c.cache[2 * layer] + place, *values = c.cache[2 * layer + 1] + place;
            const int64_t now = static_cast<int64_t>(c.position) * width;
            std::memcpy(keys + now, own + inner, sizeof(float) * width);
            std::memcpy(values + now, own + 2 * inner, sizeof(float) * width);
            const float *bias = s.from.bias + static_cast<int64_t>(h + 1) * s.shape.positions - 1 - c.position;
            attend(own, keys, values, bias, c.position + 1, width, scores, mixed + static_cast<int64_t>(b) * inner + h * width);
        }
}

inline void cross_attention(const Step &s, const clutch_call &c, int layer, const float *queries, float *scores,
                            float *mixed) {
    const int heads = s.shape.heads, width = s.shape.head_width, inner = heads * width;
    for (int b = 0; b < c.rows; b++)
        for (int h = 0; h < heads; h++) {
            const int64_t own = static_cast<int64_t>(b) * inner + h * width;
            const int64_t place = (static_cast<int64_t>(b) * heads + h) * c.memory_length * width;
            attend(queries + own, c.memory[2 * layer] + place, c.memory[2 * layer + 1] + place,
                   c.padding + static_cast<int64_t>(b) * c.memory_length, c.memory_length, width, scores, mixed + own);
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
inline void activate(const Step &s, float *x, int rows) {
    const int n = s.shape.hidden, stride = s.shape.gated ? 2 * n : n;
    for (int r = 0; r < rows; r++) {
        float *from = x + static_cast<int64_t>(r) * stride, *to = x + static_cast<int64_t>(r) * n;
        for (int i = 0; i < n; i++) {
            float y = s.shape.activation == CLUTCH_RELU ? (from[i] > 0.0f ? from[i] : 0.0f) : gelu_tanh(from[i]);
            if (s.shape.gated) y *= from[n + i];
            to[i] = y;
        }
    }
}

inline void norm_rows(const Step &s, const float *x, const float *weight, int rows, float *out) {
    const int d = s.shape.width;
    for (int r = 0; r < rows; r++)
        rms_norm(x + static_cast<int64_t>(r) * d, weight, d, s.shape.epsilon, out + static_cast<int64_t>(r) * d);
}

// The decoder's layers on x (B, d), in place, and its last norm into `hidden`.
inline void decode(const Step &s, const clutch_call &c, const Space &w) {
    const int64_t size = static_cast<int64_t>(c.rows) * s.shape.width;
    for (int i = 0; i < s.shape.layers; i++) {
        const Layer &layer = s.layers[i];
        norm_rows(s, w.x, layer.norm[0], c.rows, w.normed);
        product(w, layer.qkv, w.normed, c.rows, w.wide);
        self_attention(s, c, i, w.wide, w.scores, w.mixed);
        product(w, layer.self_out, w.mixed, c.rows, w.normed);
        add(w.normed, size, w.x);
        norm_rows(s, w.x, layer.norm[1], c.rows, w.normed);
        product(w, layer.query, w.normed, c.rows, w.wide);
        cross_attention(s, c, i, w.wide, w.scores, w.mixed);
        product(w, layer.cross_out, w.mixed, c.rows, w.normed);
        add(w.normed, size, w.x);
        norm_rows(s, w.x, layer.norm[2], c.rows, w.normed);
        product(w, layer.wi, w.normed, c.rows, w.wide);
        activate(s, w.wide, c.rows);
        product(w, layer.wo, w.wide, c.rows, w.normed);
        add(w.normed, size, w.x);
    }
    norm_rows(s, w.x, s.from.norm, c.rows, w.hidden);
}

// The row that is drawn of n logits: argmax(top_k(logits / temperature) + noise), the first of equals.
inline int64_t draw(const clutch_call &c, const float *logits, const float *noise, int n, float *scores) {
    for (int i = 0; i < n; i++) scores[i] = logits[i] / c.temperature;
    if (c.top_k > 0 && c.top_k < n) {
        const float bar = kth_largest(scores, n, c.top_k);
        for (int i = 0; i < n; i++)
            if (scores[i] < bar) scores[i] = -LARGEST;
    }
    for (int i = 0; i < n; i++) scores[i] += noise[i];
    const float most = largest(scores, n);
    for (int j = 0; j < n; j++)
        if (scores[j] == most) return j;
    return 0;
}

// The choices of a step in turn, each seeing those before it in the hidden state (B, d).
inline void choose(const Step &s, const clutch_call &c, const Space &w) {
    const int d = s.shape.width, slots = s.shape.slots;
    const int64_t size = static_cast<int64_t>(c.rows) * d;
    for (int k = 0; k < s.count; k++) {
        const Choice &choice = s.choices[k];
        const int values = choice.size, slot = k - (s.count - slots);
        norm_rows(s, w.hidden, choice.norm, c.rows, w.normed);
        product(w, choice.wi, w.normed, c.rows, w.wide);
        for (int64_t i = 0; i < static_cast<int64_t>(c.rows) * s.shape.depth_hidden; i++)
            w.wide[i] = w.wide[i] > 0.0f ? w.wide[i] : 0.0f;
        product(w, choice.wo, w.wide, c.rows, w.mixed);
        add(w.hidden, size, w.mixed);
        product(w, choice.head, w.mixed, c.rows, w.wide);
        for (int b = 0; b < c.rows; b++) {
            float *logits = w.wide + static_cast<int64_t>(b) * values;
            if (c.logits)
                std::memcpy(c.logits[k] + static_cast<int64_t>(b) * values, logits, sizeof(float) * values);
            if (slot < 0) {
                const uint16_t *barred = s.from.barred + c.rhythm[b] * values;
                for (int i = 0; i < values; i++)
                    if (barred[i]) logits[i] = -LARGEST;
            }
            const int64_t place = static_cast<int64_t>(b) * slots + slot;
            const float *noise = c.noise + (static_cast<int64_t>(b) * s.count + k) * c.noise_rows;
            const bool known = slot >= 0 && c.given && c.given[place] >= 0;
            const int64_t chosen = known ? c.given[place] : draw(c, logits, noise, values, w.scores);
            (slot < 0 ? c.rhythm[b] : c.codes[place]) = chosen;
            if (k + 1 < s.count) add_row(choice.embedding, chosen, d, w.hidden + static_cast<int64_t>(b) * d);
        }
    }
}

// One token of the flat form: that before it to that which is drawn.
inline void run_stream(const Step &s, const clutch_call &c) {
    const Space w = room(s, c);
    const int d = s.shape.width;
    const uint8_t *row = s.stream.rows + *c.token * d;
    for (int i = 0; i < d; i++)
        w.x[i] = static_cast<float>(static_cast<int>(row[i]) - 128) * s.stream.scale[*c.token];
    decode(s, c, w);
    if (s.stream.factor != 1.0f)
        for (int i = 0; i < d; i++) w.hidden[i] *= s.stream.factor;
    const Product &head = s.heads[c.slot];
    product(w, head, w.hidden, 1, w.wide);
    if (c.slot == 0) w.wide[head.out - 1] += c.last_bias;
    if (c.logits) std::memcpy(c.logits[0], w.wide, sizeof(float) * head.out);
    *c.token = draw(c, w.wide, c.noise, head.out, w.scores);
}

void run(const Step &s, const clutch_call &c) {
    if (s.heads) return run_stream(s, c);
    const Space w = room(s, c);
    begin(s, c, w.x);
    decode(s, c, w);
    choose(s, c, w);
}

// ---- SHIFT --------------------------------------------------------------------------------------------------------

constexpr int HANDS = 2, NUMBERS = 99;

template <int R>
inline void matrix_rows(const Matrix32 &m, const float *bias, const float *const *x, float *y) {
    for (int tile = 0; tile < m.tiles; tile++) {
        float sums[R][TILE];
        tile_numbers<R>(x, m.packed + static_cast<size_t>(tile) * m.in * TILE, m.in, sums);
        const int first = tile * TILE, count = m.out - first < TILE ? m.out - first : TILE;
        for (int r = 0; r < R; r++) {
            float *out = y + static_cast<size_t>(r) * m.out + first;
            for (int n = 0; n < count; n++) out[n] = sums[r][n] + bias[first + n];
        }
    }
}

// y (count, out) = rows x (in) times a matrix, and a bias.
inline void matrix(const Matrix32 &m, const float *bias, const float *const *x, int64_t count, float *y) {
    int64_t r = 0;
    for (; r + ROWS <= count; r += ROWS) matrix_rows<ROWS>(m, bias, x + r, y + r * m.out);
    for (; r + 2 <= count; r += 2) matrix_rows<2>(m, bias, x + r, y + r * m.out);
    if (r < count) matrix_rows<1>(m, bias, x + r, y + r * m.out);
}

// A convolution on x (hands, n, in), after what `state` (hands, context, in) holds: y (hands, n, out).
inline void convolve(const Conv &c, const ShiftSpace &w, const float *x, int64_t n, float *&state, float *y) {
    const int context = c.context();
    const int64_t before = static_cast<int64_t>(context) * c.in, own = n * c.in, whole = before + own;
    for (int hand = 0; hand < HANDS; hand++) {
        float *seen = w.seen + hand * whole;
        std::memcpy(seen, state + hand * before, sizeof(float) * before);
        std::memcpy(seen + before, x + hand * own, sizeof(float) * own);
        std::memcpy(state + hand * before, seen + own, sizeof(float) * before);
    }
    state += HANDS * before;
    const int64_t count = HANDS * n, width = static_cast<int64_t>(c.taps) * c.in;
    float *taps = w.seen + HANDS * whole;
    for (int64_t row = 0; row < count; row++) {
        const float *from = w.seen + (row / n) * whole + (row % n) * c.in;
        w.rows[row] = from;  // taps that are neighbours lie side by side
        if (c.dilation == 1) continue;
        for (int tap = 0; tap < c.taps; tap++)
            std::memcpy(taps + row * width + static_cast<int64_t>(tap) * c.in,
                        from + static_cast<int64_t>(tap) * c.dilation * c.in, sizeof(float) * c.in);
        w.rows[row] = taps + row * width;
    }
    matrix(c.matrix, c.bias, w.rows, count, y);
}

inline void relu(float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

// relu(norm(x)) of rows (count, width).
inline void norm_relu(const float *x, const float *weight, int64_t count, int width, float epsilon, float *out) {
    for (int64_t r = 0; r < count; r++) rms_norm(x + r * width, weight, width, epsilon, out + r * width);
    relu(out, count * width);
}

// Blocks on x (hands, n, width), in place.
inline void residuals(const Shift &s, const Residual *blocks, int count, const ShiftSpace &w, float *x, int64_t n,
                      float *&state) {
    for (int i = 0; i < count; i++) {
        const Residual &block = blocks[i];
        const int width = block.conv.in;
        const int64_t rows = HANDS * n;
        norm_relu(x, block.norm, rows, width, s.epsilon, w.h);
        convolve(block.conv, w, w.h, n, state, w.y);
        relu(w.y, rows * width);
        for (int64_t r = 0; r < rows; r++) w.rows[r] = w.y + r * width;
        matrix(block.mix.matrix, block.mix.bias, w.rows, rows, w.h);
        add(w.h, rows * width, x);
    }
}

// The frames' numbers of one branch.
inline void decode_branch(const Shift &s, const Branch &b, const ShiftSpace &w, const int64_t *codes, int64_t steps,
                          float *&state, float *frames) {
    const int size = s.code_size;
    std::memset(w.h, 0, sizeof(float) * HANDS * steps * size);
    for (int hand = 0; hand < HANDS; hand++)
        for (int64_t t = 0; t < steps; t++)
            for (int level = 0; level < b.levels; level++) {
                const int64_t code = codes[t * s.slots + b.slots[level * HANDS + hand]];
                add(b.tables[level] + code * size, size, w.h + (hand * steps + t) * size);
            }
    float *x = w.x, *y = w.y;
    int64_t n = steps;
    convolve(b.first, w, w.h, n, state, x);
    const Residual *blocks = b.blocks;
    for (int stage = 0; stage < b.stages; stage++) {
        residuals(s, blocks, b.depths[stage], w, x, n, state);
        blocks += b.depths[stage];
        convolve(b.doublings[stage], w, x, n, state, y);  // rows of an even and an odd instant: twice as many
        n *= 2;
        std::memcpy(x, y, sizeof(float) * HANDS * n * (b.doublings[stage].out / 2));
    }
    residuals(s, blocks, b.depths[b.stages], w, x, n, state);
    norm_relu(x, b.norm, HANDS * n, b.last.in, s.epsilon, w.h);
    convolve(b.last, w, w.h, n, state, y);
    for (int hand = 0; hand < HANDS; hand++) {
        const float *scale = s.scale + hand * NUMBERS + b.place, *offset = s.offset + hand * NUMBERS + b.place;
        for (int64_t t = 0; t < n; t++) {
            const float *from = y + (hand * n + t) * b.channels;
            float *to = frames + (t * HANDS + hand) * NUMBERS + b.place;
            for (int i = 0; i < b.channels; i++) to[i] = from[i] * scale[i] + offset[i];
        }
    }
}

void decode_codes(const Shift &s, const int64_t *codes, int64_t steps, float *state, float *frames) {
    const ShiftSpace w = shift_room(s, steps);
    for (int i = 0; i < s.branches; i++) decode_branch(s, s.parts[i], w, codes, steps, state, frames);
}

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

// One step of splitmix64's output function.
inline uint64_t finalise(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

void gumbels(uint64_t hash, int64_t rows, float *out) {
    for (int64_t r = 0; r < rows; r++) {
        const uint64_t x = finalise((hash ^ static_cast<uint64_t>(r)) + 0x9E3779B97F4A7C15ull);
        const double u = (whole(x >> 11) + 0.5) * 1.1102230246251565e-16;  // 2^-53
        out[r] = static_cast<float>(-logarithm(-logarithm(u)));
    }
}

template <int R>
inline bool sums_are_right() {
    constexpr int QUADS = 5;
    uint8_t x[R][QUADS * QUAD];
    alignas(64) int8_t w[QUADS * TILE * QUAD];
    const uint8_t *rows[R];
    int32_t sums[R][TILE];
    for (int r = 0; r < R; r++) {
        rows[r] = x[r];
        for (int k = 0; k < QUADS * QUAD; k++) x[r][k] = static_cast<uint8_t>(255 - 13 * k * (r + 1));
    }
    for (int i = 0; i < QUADS * TILE * QUAD; i++) w[i] = static_cast<int8_t>(i * i + 127);
    tile_product<R>(rows, w, QUADS, sums);
    for (int r = 0; r < R; r++)
        for (int n = 0; n < TILE; n++) {
            int32_t sum = 0;
            for (int k = 0; k < QUADS * QUAD; k++) sum += x[r][k] * w[(k / QUAD * TILE + n) * QUAD + k % QUAD];
            if (sum != sums[r][n]) return false;
        }
    return true;
}

// Whole numbers are summed as plain C++ sums them, and float32 is rounded after every operation.
bool right() {
    const bool rounds = rounded(2.5f) == 2.0f && rounded(3.5f) == 4.0f && rounded(-0.75f) == -1.0f;
    return rounds && sums_are_right<1>() && sums_are_right<2>() && sums_are_right<3>() && sums_are_right<ROWS>();
}
