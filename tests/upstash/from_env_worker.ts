// Says what the environment chooses inside workerd, for each environment that is posted: the line, or the error.
import { adapterFromEnv, type Environment } from "../../adapters/from_env.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const said: string[] = [];
    console.info = (line: string) => void said.push(line);
    for (const env of await request.json() as Environment[]) {
      try {
        adapterFromEnv(env);
      } catch (error) {
        said.push(String(error));
      }
    }
    return Response.json(said);
  },
};
