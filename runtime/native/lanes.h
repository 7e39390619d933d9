// Arithmetic of float32 in one order: part of body.h, inside the namespace of each set of kernels.

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
#define CLUTCH_VECTORS
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

inline void stored(const Lanes &lanes, float *x) { std::memcpy(x, &lanes, sizeof lanes); }

// The total of partial sums, and those of LANES such, which it takes for its own: the second half added to the first, until
// one number is left.
#if defined(CLUTCH_VECTORS) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define CLUTCH_SHUFFLES
#endif
#endif
#ifdef CLUTCH_SHUFFLES
// Rows of so many numbers, those of a before those of b: the first half of each plus its second.
inline Lanes halved_16(const Lanes &a, const Lanes &b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
inline Lanes halved_8(const Lanes &a, const Lanes &b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
}
inline Lanes halved_4(const Lanes &a, const Lanes &b) {
    return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
           __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
}
inline Lanes halved_2(const Lanes &a, const Lanes &b) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

inline float total(const Lanes &sums) {
    const Lanes eight = halved_16(sums, sums), four = halved_8(eight, eight), two = halved_4(four, four);
    return halved_2(two, two)[0];
}

inline Lanes totals(Lanes *sums) {
    for (int i = 0; i < 8; i++) sums[i] = halved_16(sums[2 * i], sums[2 * i + 1]);
    for (int i = 0; i < 4; i++) sums[i] = halved_8(sums[2 * i], sums[2 * i + 1]);
    for (int i = 0; i < 2; i++) sums[i] = halved_4(sums[2 * i], sums[2 * i + 1]);
    return halved_2(sums[0], sums[1]);
}
#else
inline float total(const Lanes &lanes) {
    float sums[LANES];
    std::memcpy(sums, &lanes, sizeof sums);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++) sums[i] += sums[i + width];
    return sums[0];
}

inline Lanes totals(Lanes *sums) {
    Lanes found = filled(0.0f);
    for (int l = 0; l < LANES; l++) found[l] = total(sums[l]);
    return found;
}
#endif

// Of the products of a and b (n).
inline Lanes partial_sums(const float *a, const float *b, int n) {
    Lanes sums = filled(0.0f);
    int i = 0;
    for (; i + LANES <= n; i += LANES) sums = sums + taken(a + i) * taken(b + i);
    if (i < n) sums = sums + taken(a + i, n - i, 0.0f) * taken(b + i, n - i, 0.0f);
    return sums;
}

inline float dot(const float *a, const float *b, int n) { return total(partial_sums(a, b, n)); }

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

inline void norm_rows(const float *x, const float *weight, int64_t rows, int width, float epsilon, float *out) {
    for (int64_t r = 0; r < rows; r++) rms_norm(x + r * width, weight, width, epsilon, out + r * width);
}

inline void relu(float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

inline void add(const float *from, int64_t n, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

// Each number by one of its own.
inline void scale(const float *by, int n, float *to) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) stored(taken(to + i) * taken(by + i), to + i);
    for (; i < n; i++) to[i] *= by[i];
}
