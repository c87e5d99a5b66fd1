/** Environments as hosts and vendors name things. */

export const REDIS = { REDIS_URL: "redis://:secret@127.0.0.1:6379" };
export const REST = {
  UPSTASH_REDIS_REST_URL: "https://a.upstash.io",
  UPSTASH_REDIS_REST_TOKEN: "secret",
};
export const KV = {
  KV_REST_API_URL: "https://a.upstash.io",
  KV_REST_API_TOKEN: "secret",
};
