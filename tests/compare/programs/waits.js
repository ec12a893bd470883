// A server, a worker thread that sleeps in Atomics.wait, and JavaScript frames below a synchronous wait.
const { Worker } = require('worker_threads');
new Worker("const a = new Int32Array(new SharedArrayBuffer(4)); function deep(n) { return n ? deep(n - 1) : Atomics.wait(a, 0, 0); } deep(10)", { eval: true });
require('http').createServer(() => {}).listen(0);
setTimeout(() => console.log('ready'), 1500);
