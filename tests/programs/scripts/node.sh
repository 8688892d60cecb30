#!/bin/bash
# title: Node.js
# packages: nodejs npm
# what: http server under 500 requests, streams, worker threads, child processes and pipes, fs.watch, crypto, npm install of a local tarball and its test
# memory: 4G
set -u
. /programs/lib.sh
cd /tmp && cat >all.js <<'J'
const http = require('http'), fs = require('fs'), cp = require('child_process'), { Worker } = require('worker_threads'), crypto = require('crypto'), zlib = require('zlib')
const once = (e, n) => new Promise(r => e.once(n, r))
async function main() {
  const server = http.createServer((q, s) => { let b = ''; q.on('data', d => b += d); q.on('end', () => s.end(q.url + b.length)) })
  server.listen(0, '127.0.0.1'); await once(server, 'listening'); const port = server.address().port
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 })
  const get = i => new Promise((r, x) => { const q = http.request({ port, host: '127.0.0.1', path: '/' + i, method: 'POST', agent }, s => { let b = ''; s.on('data', d => b += d); s.on('end', () => r(b)) }); q.on('error', x); q.end('x'.repeat(i)) })
  const all = await Promise.all([...Array(500).keys()].map(get)); console.log(all.every((b, i) => b === '/' + i + i), all.length); agent.destroy(); server.close()
  const shared = new SharedArrayBuffer(4); const ws = [...Array(4).keys()].map(i => new Worker(`const {workerData,parentPort}=require('worker_threads');const a=new Int32Array(workerData);for(let i=0;i<10000;i++)Atomics.add(a,0,1);parentPort.postMessage('x')`, { eval: true, workerData: shared }))
  await Promise.all(ws.map(w => once(w, 'exit'))); console.log('shared', new Int32Array(shared)[0])
  const child = cp.fork(__filename, ['child']); child.send({ a: 20 }); console.log('fork', await once(child, 'message')); console.log('exit', await once(child, 'exit'))
  console.log(cp.execSync('echo $((6*7)); exit 0').toString().trim(), cp.spawnSync('sh', ['-c', 'kill -9 $$']).signal, cp.spawnSync('none').error.code)
  fs.mkdirSync('w'); const seen = once(fs.watch('w'), 'change'); fs.writeFileSync('w/f', 'x'); console.log('watch', await seen)
  fs.writeFileSync('big', crypto.createHash('sha512').update('a').digest('hex').repeat(20000)); const out = fs.createWriteStream('big.gz'); fs.createReadStream('big').pipe(zlib.createGzip()).pipe(out); await once(out, 'finish')
  console.log(zlib.gunzipSync(fs.readFileSync('big.gz')).equals(fs.readFileSync('big'))); console.log(crypto.scryptSync('p', 's', 16).toString('hex'))
  const more = await Promise.all([...Array(20).keys()].map(i => new Promise(r => cp.execFile('sh', ['-c', 'echo ' + i], (e, o) => r(+o))))); console.log(more.reduce((a, b) => a + b)); process.exit(3)
}
if (process.argv[2] === 'child') process.on('message', m => { process.send({ b: m.a + 1 }); process.disconnect() }); else main()
J
node all.js; echo "status $?"
mkdir -p lib app && cd lib && printf '{"name":"lib","version":"1.2.3","main":"i.js"}' >package.json && echo 'module.exports = 42' >i.js && npm pack --silent 2>/dev/null
cd ../app && printf '{"name":"app","version":"1.0.0","scripts":{"test":"node test.js"}}' >package.json && echo 'console.log(require("lib"))' >test.js
npm install --silent --offline --no-audit --no-fund ../lib/lib-1.2.3.tgz 2>/dev/null; echo "status $?"; ls node_modules; npm test --silent
