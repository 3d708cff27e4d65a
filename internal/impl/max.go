package impl

// Max is the limit that lets Best choose the highest level the processor has.
const Max = AVX512
