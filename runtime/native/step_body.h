// The motion step, in both forms: part of body.h, inside the namespace of each set of kernels.

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
        activate({s.shape.hidden, s.shape.gated, s.shape.activation}, w.wide, c.rows);
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

// A step of the flat form, token by token: each is a position, and embedded as the one before it.
inline void run_stream(const Step &s, const clutch_call &c) {
    const Space w = room(s, c);
    const int d = s.shape.width, slots = s.shape.slots, most = s.stream.most;
    clutch_call token = c;
    int64_t previous = c.position ? s.stream.choices[(slots - 1) * most + c.codes[slots - 1]] : s.stream.start;
    for (int k = 0; k < slots; k++) {
        token.position = c.position * slots + k;
        take_row(s.stream.rows, previous, d, w.x);
        decode(s, token, w);
        if (s.stream.factor != 1.0f)
            for (int i = 0; i < d; i++) w.hidden[i] *= s.stream.factor;
        const Product &head = s.heads[k];
        product(w, head, w.hidden, 1, w.wide);
        if (k == 0) w.wide[head.out - 1] += c.eom_bias;
        if (c.logits) std::memcpy(c.logits[k], w.wide, sizeof(float) * head.out);
        c.codes[k] = draw(c, w.wide, c.noise + k * c.noise_rows, head.out, w.scores);
        if (k == 0 && c.codes[0] == head.out - 1) return;
        previous = s.stream.choices[k * most + c.codes[k]];
    }
}

void run(const Step &s, const clutch_call &c) {
    if (s.heads) return run_stream(s, c);
    const Space w = room(s, c);
    begin(s, c, w.x);
    decode(s, c, w);
    choose(s, c, w);
}
