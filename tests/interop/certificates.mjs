// A certificate authority, and a certificate of it for 127.0.0.1, made with openssl.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export function makeCertificates(folder) {
  const file = (name) => join(folder, name);
  const make = (name, subject, ...more) =>
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', `/CN=${subject}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), ...more],
      ],
      // Without this, the system's configuration adds the extensions a second time.
      { env: { ...process.env, OPENSSL_CONF: '/dev/null' }, stdio: 'pipe' },
    );
  make('authority', 'authority', '-addext', 'basicConstraints=critical,CA:TRUE');
  const signed = ['-CA', file('authority.pem'), '-CAkey', file('authority.key')];
  make('server', '127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', ...signed);
  return { authority: file('authority.pem'), certificate: file('server.pem'), key: file('server.key') };
}
