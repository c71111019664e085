import { type Answer, type Reply } from './api';

export const PASSWORD = 'correct horse battery';

/** A user of the console in a browser: keeps the cookie and the access token. */
export class Person {
  accessToken = '';
  cookie = '';
  setCookie = '';

  constructor(
    private readonly url: string,
    readonly tenantId: string | null,
    readonly username: string,
    /** As a proxy reports it. */
    private readonly address = '192.0.2.1',
  ) {}

  async signIn(password = PASSWORD): Promise<Answer> {
    const body = { tenant_id: this.tenantId, username: this.username, password };
    return this.keep(await this.send('POST', '/api/v1/auth/login', body));
  }

  async refresh(): Promise<Answer> {
    return this.keep(await this.send('POST', '/api/v1/auth/refresh'));
  }

  async changePassword(current_password: string, new_password: string): Promise<Answer> {
    return this.keep(await this.send('POST', '/api/v1/auth/password', { current_password, new_password }));
  }

  me(): Promise<Answer> {
    return this.send('GET', '/api/v1/auth/me');
  }

  /** The same browser seen by another process of the service, or a copy of what a thief took. */
  at(url = this.url): Person {
    const copy = new Person(url, this.tenantId, this.username, this.address);
    copy.accessToken = this.accessToken;
    copy.cookie = this.cookie;
    return copy;
  }

  async send(
    method: string,
    path: string,
    body?: Reply,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        'x-forwarded-for': this.address,
        ...(this.accessToken === '' ? {} : { authorization: `Bearer ${this.accessToken}` }),
        ...(this.cookie === '' ? {} : { cookie: this.cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Reply,
    };
  }

  private keep(answer: Answer): Answer {
    const [set] = answer.headers.getSetCookie();
    if (set !== undefined) {
      this.setCookie = set;
      this.cookie = set.split(';')[0] ?? '';
    }
    if (typeof answer.body['access_token'] === 'string') this.accessToken = answer.body['access_token'];
    return answer;
  }
}
