/* The bytecode that is embedded in the executable; the table is made by src/_tools/bytecode.ts. */
#ifndef CNIBOX_ENGINE_CHUNKS_H_
#define CNIBOX_ENGINE_CHUNKS_H_

#ifdef __cplusplus
extern "C" {
#endif

/* One module. */
struct Chunk {
  const char* name;
  const unsigned char* begin;
  const unsigned char* end;
};

/* Ends with a chunk whose name is null. */
extern const struct Chunk kChunks[];

#ifdef __cplusplus
}
#endif

#endif  /* CNIBOX_ENGINE_CHUNKS_H_ */
