"""A host with a console, and a browser in front of it."""


import browser
import harness_serve
from browser import ADDRESS, Browser
from harness_serve import LISTEN, ServeCase

PASSWORD = 'correct horse'
LISTEN_SETTINGS = (f'console-address {ADDRESS}', 'console-port 0')


class ConsoleCase(ServeCase):
    def setUp(self):
        super().setUp()
        browser.need_browser()

    def console(self, apps=None, **more):
        """A host; nobody has chosen a password yet."""
        self.host = self.serve(apps, settings=LISTEN_SETTINGS, **more)
        told = self.host.cli_json('console')
        self.url = next(url for url in told['addresses'] if ADDRESS in url)
        self.setup = told.get('setup')
        return self.host

    def open_browser(self, **more):
        page = Browser(self.place, **more)
        self.programs.append(page)
        self.page = page
        return page

    def first_login(self):
        page = self.page
        page.goto(f'{self.url}#setup={self.setup}')
        page.type('input[name=password]', PASSWORD)
        page.type('input[name=again]', PASSWORD)
        page.click('button[type=submit]')
        page.wait('.brand')

    def logged_in(self, apps=None, size=(1280, 800), scheme='light', **more):
        self.console(apps, **more)
        page = self.open_browser(width=size[0], height=size[1], scheme=scheme)
        self.first_login()
        return page

    def visit(self, name):
        self.page.js(f'location.hash = "#/{name}"')
        self.page.wait(f'.page-{name.split("/")[0]} > *', state='attached')

    def confirm(self):
        """Gives the password that the dialog asks for."""
        self.page.type('dialog input[name=password]', PASSWORD)
        self.page.call('keyboard', 'press', 'Enter')

    def listen(self, log):
        return [LISTEN, log]


def main():
    browser.enter_network()
    harness_serve.main()
