// The motion step, and a token of the flat form: part of body.h, inside the namespace of each set of kernels.

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

// The decoder's layers on x (B, d), in place, and its last norm into `hidden`.
inline void decode(const Step &s, const clutch_call &c, const Space &w) {
    const int d = s.shape.width;
    const int64_t size = static_cast<int64_t>(c.rows) * d;
    for (int i = 0; i < s.shape.layers; i++) {
        const Layer &layer = s.layers[i];
        norm_rows(w.x, layer.norm[0], c.rows, d, s.shape.epsilon, w.normed);
        product(w, layer.qkv, w.normed, c.rows, w.wide);
        self_attention(s, c, i, w.wide, w.scores, w.mixed);
        product(w, layer.self_out, w.mixed, c.rows, w.normed);
        add(w.normed, size, w.x);
        norm_rows(w.x, layer.norm[1], c.rows, d, s.shape.epsilon, w.normed);
        product(w, layer.query, w.normed, c.rows, w.wide);
        cross_attention(s, c, i, w.wide, w.scores, w.mixed);
        product(w, layer.cross_out, w.mixed, c.rows, w.normed);
        add(w.normed, size, w.x);
        norm_rows(w.x, layer.norm[2], c.rows, d, s.shape.epsilon, w.normed);
        product(w, layer.wi, w.normed, c.rows, w.wide);
        activate(s, w.wide, c.rows);
        product(w, layer.wo, w.wide, c.rows, w.normed);
        add(w.normed, size, w.x);
    }
    norm_rows(w.x, s.from.norm, c.rows, d, s.shape.epsilon, w.hidden);
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
        norm_rows(w.hidden, choice.norm, c.rows, d, s.shape.epsilon, w.normed);
        product(w, choice.wi, w.normed, c.rows, w.wide);
        relu(w.wide, static_cast<int64_t>(c.rows) * s.shape.depth_hidden);
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
