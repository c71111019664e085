import { randomBytes } from 'node:crypto';
import { SecretBox } from './secret-box';

const key = (): string => randomBytes(32).toString('base64');

describe('sealed secrets', () => {
  it('come back as they were, in their own place only', () => {
    const box = new SecretBox([key()]);
    const sealed = box.seal('s3cret', 'roma/column');
    expect(sealed).not.toContain('s3cret');
    expect(box.open(sealed, 'roma/column')).toBe('s3cret');
    expect(() => box.open(sealed, 'milano/column')).toThrow();
  });

  it('are never the same twice', () => {
    const box = new SecretBox([key()]);
    expect(box.seal('x', 'place')).not.toBe(box.seal('x', 'place'));
  });

  it('stay readable while an older key is in the ring, and say which key is missing afterwards', () => {
    const [old, current] = [key(), key()];
    const sealed = new SecretBox([old]).seal('x', 'place');
    expect(new SecretBox([current, old]).open(sealed, 'place')).toBe('x');
    expect(() => new SecretBox([current]).open(sealed, 'place')).toThrow(/ENCRYPTION_KEYS does not hold/);
  });

  it('are refused when they were tampered with', () => {
    const box = new SecretBox([key()]);
    const sealed = box.seal('secret text', 'place');
    const flipped = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA');
    expect(() => box.open(flipped, 'place')).toThrow();
  });

  it('refuses a key of the wrong length', () => {
    expect(() => new SecretBox(['abc'])).toThrow(/32 bytes/);
  });
});
