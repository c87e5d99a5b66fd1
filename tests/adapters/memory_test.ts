import { createMemorySubject } from "./memory_subject.ts";
import { registerAdapterSuite } from "./register.ts";

registerAdapterSuite("in-memory adapter", createMemorySubject(2_000));
