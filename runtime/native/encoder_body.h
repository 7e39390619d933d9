// The text encoder: part of body.h, inside the namespace of each set of kernels. M positions of the memory, L of the
// prompt, d width, H heads, D head width, A actions of a plan.

// What the positions begin with: the prompt's tokens, and behind them the motion's codes.
inline void embed(const Encoder &e, const clutch_prompt &p, float *x) {
    const int d = e.shape.width, slots = e.shape.slots;
    for (int r = 0; r < p.length; r++, x += d) take_row(e.from.shared, p.ids[r], d, x);
    for (int t = 0; t < p.steps; t++) {
        const int64_t *codes = p.codes + static_cast<int64_t>(t) * slots;
        if (e.shape.flat) {
            for (int k = 0; k < slots; k++, x += d) take_row(e.from.shared, e.from.bases[k] + codes[k], d, x);
            continue;
        }
        std::memset(x, 0, sizeof(float) * d);
        for (int k = 0; k < slots; k++)
            if (codes[k] >= 0) add_row(e.from.slots, e.firsts[k] + codes[k], d, x);
        add(e.from.position + static_cast<int64_t>(t) * d, d, x);
        x += d;
    }
}

// Rows (n, D) of one head among rows of `stride` numbers, in tiles of 64 columns, turned over where `across`: then the
// columns are the rows.
inline Product in_tiles(const float *from, int n, int width, int64_t stride, bool across, float *to) {
    const int in = across ? width : n, out = across ? n : width, tiles = (out + TILE - 1) / TILE;
    for (int64_t i = 0; i < static_cast<int64_t>(tiles) * in * TILE; i++) to[i] = 0.0f;
    for (int r = 0; r < n; r++)
        for (int i = 0; i < width; i++) {
            const int row = across ? i : r, column = across ? r : i;
            to[(static_cast<int64_t>(column / TILE) * in + row) * TILE + column % TILE] = from[r * stride + i];
        }
    return {in, out, tiles, nullptr, nullptr, to, nullptr, 0, nullptr, nullptr};
}

// qkv (M, 3, H, D) to what every position takes from every other, (M, H, D).
inline void attend_all(const Encoder &e, const EncoderSpace &w, int count, const float *qkv, float *mixed) {
    const int heads = e.shape.heads, width = e.shape.head_width, inner = heads * width, far = e.shape.far;
    const int64_t stride = 3 * static_cast<int64_t>(inner);
    const float **rows = w.own.rows;
    for (int h = 0; h < heads; h++) {
        const float *own = qkv + h * width;
        const Product keys = in_tiles(own + inner, count, width, stride, true, w.keys);
        const Product values = in_tiles(own + 2 * inner, count, width, stride, false, w.values);
        for (int i = 1 - count; i < count; i++) {
            const int near = i < -far ? -far : i > far ? far : i;
            w.biases[i + count - 1] = e.from.bias[static_cast<int64_t>(near + far) * heads + h];
        }
        for (int r = 0; r < count; r++) rows[r] = own + r * stride;
        matrix(keys, rows, count, w.own.scores);
        for (int r = 0; r < count; r++) {
            float *scores = w.own.scores + static_cast<int64_t>(r) * count;
            add(w.biases + count - 1 - r, count, scores);
            softmax(scores, count);
            rows[r] = scores;
        }
        matrix(values, rows, count, w.own.hidden);
        for (int r = 0; r < count; r++)
            std::memcpy(mixed + static_cast<int64_t>(r) * inner + h * width,
                        w.own.hidden + static_cast<int64_t>(r) * width, sizeof(float) * width);
    }
}

// The layers on x (M, d), and their last norm into `hidden`.
inline void encode_rows(const Encoder &e, const EncoderSpace &room, int count) {
    const Space &w = room.own;
    const int d = e.shape.width;
    const int64_t size = static_cast<int64_t>(count) * d;
    for (int i = 0; i < e.shape.layers; i++) {
        const EncoderLayer &layer = e.layers[i];
        norm_rows(w.x, layer.norm[0], count, d, e.shape.epsilon, w.normed);
        product(w, layer.qkv, w.normed, count, w.wide, true);
        attend_all(e, room, count, w.wide, w.mixed);
        product(w, layer.out, w.mixed, count, w.normed, true);
        add(w.normed, size, w.x);
        norm_rows(w.x, layer.norm[1], count, d, e.shape.epsilon, w.normed);
        product(w, layer.wi, w.normed, count, w.wide, true);
        activate({e.shape.hidden, e.shape.gated, e.shape.activation}, w.wide, count);
        product(w, layer.wo, w.wide, count, w.normed, true);
        add(w.normed, size, w.x);
    }
    norm_rows(w.x, e.from.norm, count, d, e.shape.epsilon, w.hidden);
}

// Rows x (count, in) through both matrices: y (count, out).
inline void mlp(const Space &w, const Mlp &m, const float *x, int count, float *y) {
    product(w, m.first, x, count, w.wide);
    relu(w.wide, static_cast<int64_t>(count) * m.first.out);
    product(w, m.second, w.wide, count, y);
}

// Scores (A, labels) of what the prompt `text` (L, d) asks for.
inline void read_labels(const Encoder &e, const EncoderSpace &room, const float *text, int length, float *scores) {
    const Space &w = room.own;
    const clutch_plan &plan = e.plan.from;
    const int d = e.shape.width, width = d / plan.heads, heads = plan.heads;
    product(w, e.plan.keys_values, text, length, w.wide);
    for (int j = 0; j < length; j++) room.biases[j] = 0.0f;
    for (int h = 0; h < heads; h++) {
        for (int r = 0; r < length; r++) {
            const float *from = w.wide + 2 * static_cast<int64_t>(r) * d + h * width;
            std::memcpy(room.keys + static_cast<int64_t>(r) * width, from, sizeof(float) * width);
            std::memcpy(room.values + static_cast<int64_t>(r) * width, from + d, sizeof(float) * width);
        }
        for (int a = 0; a < plan.actions; a++)
            attend(plan.queries + (static_cast<int64_t>(h) * plan.actions + a) * width, room.keys, room.values,
                   room.biases, length, width, w.scores, w.mixed + static_cast<int64_t>(a) * d + h * width);
    }
    mlp(w, e.plan.head, w.mixed, plan.actions, scores);
}

// Draws the plan of the prompt, whose rows come first in `hidden`; shows it behind them and adds what it gives to all,
// where no motion is given.
inline void make_plan(const Encoder &e, const clutch_prompt &p, const EncoderSpace &room, int count) {
    const Space &w = room.own;
    const clutch_plan &plan = e.plan.from;
    const int d = e.shape.width;
    read_labels(e, room, w.hidden, p.length, w.normed);
    float *tokens = w.x;
    for (int a = 0; a < plan.actions; a++) {
        const int64_t first = static_cast<int64_t>(a) * e.plan.labels;
        const float *scores = w.normed + first, *noise = p.noise + first;
        float *row = tokens + static_cast<int64_t>(a) * d;
        std::memset(row, 0, sizeof(float) * d);
        for (int f = 0, at = 0; f < plan.fields; at += e.plan.sizes[f], f++) {
            int best = 0;
            float most = -LARGEST;
            for (int i = 0; i < e.plan.sizes[f]; i++) {
                const float score = scores[at + i] / p.temperature + noise[at + i];
                if (score > most) {
                    most = score;
                    best = i;
                }
            }
            p.plan[static_cast<int64_t>(a) * plan.fields + f] = best;
            add_row(plan.labels, at + best, d, row);
        }
        add(plan.action + static_cast<int64_t>(a) * d, d, row);
    }
    if (p.steps) return;
    float *shown = w.hidden + static_cast<int64_t>(count) * d;
    norm_rows(tokens, plan.norm, plan.actions, d, e.shape.epsilon, shown);
    product(w, e.plan.mix[0], shown, 1, w.wide);
    relu(w.wide, plan.mix_hidden);
    product(w, e.plan.mix[1], w.wide, 1, w.normed);
    for (int r = 0; r < count + plan.actions; r++) add(w.normed, d, w.hidden + static_cast<int64_t>(r) * d);
}

// Scores of the length of the motion that the prompt, the first rows of `hidden`, asks for.
inline void read_length(const Encoder &e, const clutch_prompt &p, const Space &w) {
    const int d = e.shape.width;
    std::memset(w.x, 0, sizeof(float) * d);
    for (int r = 0; r < p.length; r++) add(w.hidden + static_cast<int64_t>(r) * d, d, w.x);
    for (int i = 0; i < d; i++) w.x[i] /= static_cast<float>(p.length);
    mlp(w, e.length, w.x, 1, p.lengths);
}

void encode(const Encoder &e, const clutch_prompt &p) {
    const EncoderSpace room = encoder_room(e, p);
    const Space &w = room.own;
    const int heads = e.shape.heads, width = e.shape.head_width, inner = heads * width;
    const int read = read_rows(e.shape, p), count = memory_rows(e, p);
    embed(e, p, w.x);
    encode_rows(e, room, read);
    if (e.plan.labels) make_plan(e, p, room, read);
    if (e.shape.lengths) read_length(e, p, w);
    if (e.memory[0].bytes) round_rows(w, e.memory[0], w.hidden, count, true);  // once for all of them
    for (int part = 0; part < e.shape.parts; part++) {
        multiply(w, e.memory[part], w.hidden, count, w.wide);
        for (int h = 0; h < heads; h++)
            for (int r = 0; r < count; r++)
                std::memcpy(p.memory + ((static_cast<int64_t>(part) * heads + h) * count + r) * width,
                            w.wide + static_cast<int64_t>(r) * inner + h * width, sizeof(float) * width);
    }
}
