// SHIFT's decoder: part of body.h, inside the namespace of each set of kernels.

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
    matrix(c.product, w.rows, count, y);
}

// relu(norm(x)) of rows (count, width).
inline void norm_relu(const float *x, const float *weight, int64_t count, int width, float epsilon, float *out) {
    norm_rows(x, weight, count, width, epsilon, out);
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
        matrix(block.mix.product, w.rows, rows, w.h);
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
