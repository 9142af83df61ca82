// Unpacks the browser of the package, and the libraries for a machine that has none, into the folder for temporary files.

import chromium, { inflate } from "@sparticuz/chromium";

await chromium.executablePath();
await inflate("node_modules/@sparticuz/chromium/bin/al2023.tar.br");
